// kafkajs as others use it, under the same commands as Client.java; it compresses with gzip or not at all.
const { Kafka, CompressionTypes, logLevel } = require("kafkajs");

const [command, brokers, topic, last] = process.argv.slice(2);
const kafka = new Kafka({ brokers: brokers.split(","), logLevel: logLevel.ERROR });
const shown = (bytes) => (bytes === null ? "\\N" : bytes.toString());

async function produce() {
  const lines = require("fs").readFileSync(0, "utf8").split("\n").filter((line) => line !== "");
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const compression = last === "gzip" ? CompressionTypes.GZIP : CompressionTypes.None;
  await producer.send({ topic, compression, acks: -1, messages: lines.map((value) => ({ key: null, value })) });
  await producer.disconnect();
}

async function consume() {
  const consumer = kafka.consumer({ groupId: `weir-test-${process.pid}`, readUncommitted: false });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let left = Number(last);
  await new Promise((done, failed) => {
    consumer.on("consumer.crash", (event) => failed(event.payload.error));
    consumer.run({
      autoCommit: false,
      eachMessage: async ({ message }) => {
        if (left > 0) console.log(`${shown(message.key)}\t${shown(message.value)}`);
        if (--left <= 0) done();
      },
    });
  });
  await consumer.disconnect();
}

(command === "produce" ? produce() : consume()).catch((problem) => {
  console.error(problem);
  process.exit(1);
});
