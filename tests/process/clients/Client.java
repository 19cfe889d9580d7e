// Kafka's own Java client as others use it; java runs this file as it is.
//   produce BROKERS TOPIC COMPRESSION   writes each line of the input as a value, without a key
//   consume BROKERS TOPIC COUNT         prints that many committed records: key, tab, value; \N for null
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.Properties;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Client {
  static void produce(Properties p, String topic, String compression) throws Exception {
    p.put("compression.type", compression);
    p.put("acks", "all");
    try (var producer = new KafkaProducer<>(p, new StringSerializer(), new StringSerializer());
        var in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"))) {
      for (String line = in.readLine(); line != null; line = in.readLine())
        producer.send(new ProducerRecord<String, String>(topic, line)).get();
    }
  }

  static String shown(String text) {
    return text == null ? "\\N" : text;
  }

  static void consume(Properties p, String topic, int count) {
    p.put("isolation.level", "read_committed");
    p.put("auto.offset.reset", "earliest");
    p.put("enable.auto.commit", "false");
    try (var consumer = new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer())) {
      consumer.assign(consumer.partitionsFor(topic).stream()
          .map(one -> new TopicPartition(topic, one.partition())).collect(Collectors.toList()));
      for (int seen = 0; seen < count; )
        for (ConsumerRecord<String, String> r : consumer.poll(Duration.ofSeconds(1)))
          if (seen++ < count) System.out.println(shown(r.key()) + "\t" + shown(r.value()));
    }
  }

  public static void main(String[] args) throws Exception {
    var p = new Properties();
    p.put("bootstrap.servers", args[1]);
    if (args[0].equals("produce")) produce(p, args[2], args[3]);
    else consume(p, args[2], Integer.parseInt(args[3]));
  }
}
