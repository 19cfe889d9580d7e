// Sources with their state; lines are kept by name, so that nothing jumps while they change.
import type { Page, Source } from "./api";
import { card, el, setText } from "./dom";
import { lagText, rateText, timeText } from "./format";
import { linesOf, type SourceLine } from "./source_groups";

const heads = ["Source", "Stream", "State", "Records/s", "Lag", "Next try", "Last error"];
const numbers = new Set(["Records/s", "Lag"]);
const step = 200; // sources that are shown more at a click
const most = 2_000;

// Of a group whose members differ it is the worst one's.
function tone(state: string): string {
  const tones = state.split(", ").map((one) => toneOf(one.split(" ")[0]!));
  return ["bad", "warn", "good"].find((one) => tones.includes(one)) ?? "calm";
}

function toneOf(state: string): string {
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
  private readonly more = el("p", { class: "more" });
  private readonly lines = new Map<string, HTMLTableRowElement>();
  private readonly open = new Set<string>(); // groups
  private page: Page<Source> = { items: [] };
  wanted = step; // sources to ask for

  constructor() {
    const head = el("tr");
    for (const name of heads)
      head.append(el("th", numbers.has(name) ? { scope: "col", class: "number" } : { scope: "col" }, name));
    const table = el("table", { "aria-labelledby": "sources-title" }, el("thead", {}, head), this.body);
    this.table = el("div", { class: "scroll sources" }, table);
    this.element = card("sources", "Sources", this.table, this.more, this.empty);
    this.show(this.page);
  }

  show(page: Page<Source>): void {
    this.page = page;
    this.table.hidden = page.items.length === 0;
    this.empty.hidden = page.items.length > 0;
    const wanted = linesOf(page.items, this.open);
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, line] of this.lines) {
      if (keys.has(key)) continue;
      line.remove();
      this.lines.delete(key);
    }
    let next = this.body.firstElementChild;
    for (const one of wanted) {
      const line = this.lines.get(one.key) ?? this.make(one);
      if (line === next) next = next.nextElementSibling;
      else this.body.insertBefore(line, next);
      this.fill(line, one);
    }
    this.showMore();
  }

  private showMore(): void {
    this.more.hidden = !this.page.next;
    if (this.more.hidden) return;
    const count = this.page.items.length;
    if (this.wanted >= most) {
      this.more.replaceChildren(`The first ${count} sources. All: `, el("code", {}, "weir source list"));
      return;
    }
    if (this.more.firstElementChild?.tagName === "BUTTON") return;
    const button = el("button", { type: "button" }, "Show more");
    button.addEventListener("click", () => {
      this.wanted = Math.min(most, this.wanted + step);
      button.remove(); // comes again with the next answer, if there are still more
    });
    this.more.replaceChildren(button);
  }

  private make(of: SourceLine): HTMLTableRowElement {
    const line = el("tr");
    for (const head of heads) line.append(el("td", numbers.has(head) ? { class: "number" } : {}));
    const name = line.cells[0]!;
    name.className = "name";
    if (of.members > 0) {
      const group = of.source.name;
      const fold = el("button", { type: "button", class: "fold" });
      fold.addEventListener("click", () => {
        if (!this.open.delete(group)) this.open.add(group);
        this.show(this.page);
      });
      name.append(fold);
    }
    line.cells[2]!.append(el("span", { class: "badge" }));
    line.cells[6]!.className = "problem";
    this.lines.set(of.key, line);
    return line;
  }

  private fill(line: HTMLTableRowElement, { source, members, open, inside }: SourceLine): void {
    const name = line.cells[0]!;
    const fold = name.querySelector("button");
    if (fold) {
      setText(fold, `${source.name} (${members})`);
      fold.setAttribute("aria-expanded", String(open));
    } else {
      setText(name, source.name);
    }
    line.classList.toggle("inside", inside);
    const badge = line.cells[2]!.firstElementChild!;
    setText(badge, source.state);
    badge.className = `badge ${tone(source.state)}`;
    const texts = [null, source.stream, null, rateText(source.rate), lagText(source.lag), timeText(source.next_try)];
    texts.forEach((text, i) => text !== null && setText(line.cells[i]!, text));
    setText(line.cells[6]!, source.last_error ?? "");
    line.cells[6]!.title = source.last_error ?? "";
    line.title = source.connector;
  }
}
