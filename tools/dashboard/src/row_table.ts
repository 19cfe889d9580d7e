// The live table: newest rows on top, at most as many as a person scrolls through; rows of a known key change in place.
import type { Column, Row } from "./api";
import { el, setText } from "./dom";
import { cellText } from "./format";

const flashTime = 900; // ms

export class RowTable {
  readonly element: HTMLElement;
  private readonly body = el("tbody");
  private readonly shown = new Map<string, { line: HTMLTableRowElement; row: Row }>();

  constructor(
    private readonly columns: Column[],
    private readonly numeric: Set<string>,
    private readonly limit: number,
    name: string,
  ) {
    const head = el("tr");
    for (const column of columns) {
      const cell = el("th", { scope: "col", title: column.type }, column.name);
      if (numeric.has(column.name)) cell.className = "number";
      head.append(cell);
    }
    const table = el("table", { "aria-label": `Rows of ${name}` }, el("thead", {}, head), this.body);
    this.element = el(
      "div",
      { class: "scroll rows", tabindex: "0", role: "region", "aria-label": `Rows of ${name}` },
      table,
    );
  }

  // `entries`: oldest first.
  show(entries: [string, Row][], flash: boolean): void {
    const newest = entries.slice(-this.limit);
    const keys = new Set(newest.map(([key]) => key));
    for (const [key, { line }] of this.shown) {
      if (keys.has(key)) continue;
      line.remove();
      this.shown.delete(key);
    }
    for (const [key, row] of newest) {
      const known = this.shown.get(key);
      if (known?.row === row) continue;
      const line = known?.line ?? this.addLine();
      this.shown.set(key, { line, row });
      this.fill(line, row);
      if (flash) this.mark(line);
    }
  }

  private addLine(): HTMLTableRowElement {
    const line = el("tr");
    for (const column of this.columns) line.append(el("td", this.numeric.has(column.name) ? { class: "number" } : {}));
    this.body.prepend(line);
    return line;
  }

  private fill(line: HTMLTableRowElement, row: Row): void {
    this.columns.forEach((column, i) => setText(line.cells[i]!, cellText(row[column.name])));
  }

  private mark(line: HTMLTableRowElement): void {
    line.classList.add("fresh");
    setTimeout(() => line.classList.remove("fresh"), flashTime);
  }
}
