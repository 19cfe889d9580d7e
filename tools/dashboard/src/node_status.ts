// The head of the page: whether rows flow, and how the node is.
import type { NodeStatus } from "./api";
import { el, setText } from "./dom";
import { durationText } from "./format";

export class NodeHead {
  private readonly dot = el("span", { class: "dot", "aria-hidden": "true" });
  private readonly state = el("strong");
  private readonly facts = el("span", { class: "facts" });

  constructor(place: HTMLElement) {
    place.replaceChildren(this.dot, this.state, this.facts);
    this.connection("calm", "connecting");
  }

  connection(tone: string, text: string): void {
    this.dot.className = `dot ${tone}`;
    setText(this.state, text);
  }

  show(status: NodeStatus): void {
    const shards = status.shards ?? [];
    const running = shards.filter((shard) => shard.state === "running").length;
    const facts = [
      status.node,
      status.uptime_s === undefined ? undefined : `up ${durationText(status.uptime_s)}`,
      shards.length > 0 ? `${running} of ${shards.length} shards running` : undefined,
      status.version ? `version ${status.version}` : undefined,
    ].filter((fact): fact is string => fact !== undefined);
    if (this.facts.childElementCount !== facts.length) this.facts.replaceChildren(...facts.map(() => el("span")));
    facts.forEach((fact, i) => setText(this.facts.children[i]!, fact));
  }
}
