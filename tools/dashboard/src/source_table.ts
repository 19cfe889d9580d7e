// Sources with their state; lines are kept by name, so that nothing jumps while they change.
import type { Source } from "./api";
import { card, el, setText } from "./dom";
import { lagText, rateText, timeText } from "./format";

const heads = ["Source", "Stream", "State", "Records/s", "Lag", "Next try", "Last error"];
const numbers = new Set(["Records/s", "Lag"]);

function tone(state: string): string {
  if (state === "running") return "good";
  if (["failed", "quarantined", "stopped"].includes(state)) return "bad";
  if (["waiting", "starting", "backing_off", "retrying"].includes(state)) return "warn";
  return "calm";
}

export class SourceTable {
  readonly element: HTMLElement;
  private readonly body = el("tbody");
  private readonly table: HTMLElement;
  private readonly empty = el(
    "p",
    { class: "empty" },
    "No sources yet. Add one with ",
    el("code", {}, "weir source add NAME --stream STREAM --connector file --option path=FILE"),
    " or list it under [[source]] in config.toml.",
  );
  private readonly lines = new Map<string, HTMLTableRowElement>();

  constructor() {
    const head = el("tr");
    for (const name of heads)
      head.append(el("th", numbers.has(name) ? { scope: "col", class: "number" } : { scope: "col" }, name));
    const table = el("table", { "aria-labelledby": "sources-title" }, el("thead", {}, head), this.body);
    this.table = el("div", { class: "scroll sources" }, table);
    this.element = card("sources", "Sources", this.table, this.empty);
    this.show([]);
  }

  show(sources: Source[]): void {
    this.table.hidden = sources.length === 0;
    this.empty.hidden = sources.length > 0;
    const names = new Set(sources.map((source) => source.name));
    for (const [name, line] of this.lines) {
      if (names.has(name)) continue;
      line.remove();
      this.lines.delete(name);
    }
    for (const source of sources) this.fill(this.lines.get(source.name) ?? this.add(source.name), source);
  }

  private add(name: string): HTMLTableRowElement {
    const line = el("tr");
    for (const head of heads) line.append(el("td", numbers.has(head) ? { class: "number" } : {}));
    line.cells[0]!.className = "name";
    line.cells[2]!.append(el("span", { class: "badge" }));
    line.cells[6]!.className = "problem";
    this.lines.set(name, line);
    this.body.append(line);
    return line;
  }

  private fill(line: HTMLTableRowElement, source: Source): void {
    const badge = line.cells[2]!.firstElementChild!;
    setText(badge, source.state);
    badge.className = `badge ${tone(source.state)}`;
    const texts = [
      source.name,
      source.stream,
      null,
      rateText(source.rate),
      lagText(source.lag),
      timeText(source.next_try),
    ];
    texts.forEach((text, i) => text !== null && setText(line.cells[i]!, text));
    setText(line.cells[6]!, source.last_error ?? "");
    line.cells[6]!.title = source.last_error ?? "";
    line.title = source.connector;
  }
}
