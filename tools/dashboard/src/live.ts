// The page's one WebSocket. Subscriptions outlive it: after a break they resume behind the last message that came.
import type { Problem, Row } from "./api";

export interface Batch {
  rows: Row[];
  deleted: Row[];
}

export interface Subscriber {
  // The subscription stands; `resumed`: behind what was heard before, so nothing is missing.
  opened(resumed: boolean): void;
  batch(batch: Batch): void;
  shed(count: number): void;
  failed(problem: Problem): void;
}

interface Subscription {
  view: string;
  token: string;
  subscriber: Subscriber;
}

interface Message {
  id?: string;
  rows?: Row[];
  deleted?: Row[];
  token?: string;
  shed?: number;
  subscribed?: { token: string };
  error?: Problem;
}

const firstWait = 500; // ms
const longestWait = 15_000;
const gone = 410;

export class LiveSocket {
  private socket: WebSocket | undefined;
  private readonly subscriptions = new Map<string, Subscription>();
  private nextId = 1;
  private wait = firstWait;

  constructor(private readonly onState: (connected: boolean) => void) {}

  connect(): void {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/v1/live`);
    this.socket = socket;
    socket.onopen = () => {
      this.wait = firstWait;
      this.onState(true);
      for (const [id, one] of this.subscriptions) this.ask(id, one);
    };
    socket.onmessage = (event) => this.receive(JSON.parse(event.data as string) as Message);
    socket.onclose = () => {
      this.onState(false);
      setTimeout(() => this.connect(), this.wait * (0.75 + Math.random() / 2));
      this.wait = Math.min(2 * this.wait, longestWait);
    };
  }

  // Returns what ends the subscription.
  subscribe(view: string, subscriber: Subscriber): () => void {
    const id = String(this.nextId++);
    const one: Subscription = { view, token: "", subscriber };
    this.subscriptions.set(id, one);
    this.ask(id, one);
    return () => {
      this.subscriptions.delete(id);
      this.say({ op: "unsubscribe", id });
    };
  }

  private ask(id: string, one: Subscription): void {
    this.say({ op: "subscribe", id, view: one.view, from: one.token || "now" });
  }

  private say(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private receive(message: Message): void {
    const id = message.id ?? "";
    const one = this.subscriptions.get(id);
    if (!one) return;
    if (message.error) return this.fail(id, one, message.error);
    if (message.subscribed) one.subscriber.opened(one.token !== "");
    if (message.shed) one.subscriber.shed(message.shed);
    if (message.rows || message.deleted) {
      one.subscriber.batch({ rows: message.rows ?? [], deleted: message.deleted ?? [] });
    }
    one.token = message.token ?? message.subscribed?.token ?? one.token;
  }

  // A position that is gone begins anew; anything else is for people.
  private fail(id: string, one: Subscription, problem: Problem): void {
    if (problem.status === gone && one.token) {
      one.token = "";
      this.ask(id, one);
      return;
    }
    this.subscriptions.delete(id);
    one.subscriber.failed(problem);
  }
}
