// One view, live: its chart and its table, both from one bounded store of rows.
import { ApiError, newestRows, type Column, type Problem, type Row, type View } from "./api";
import { Chart } from "./chart";
import { el, setText } from "./dom";
import type { Batch, LiveSocket } from "./live";
import { canonical, RowStore } from "./row_store";
import { RowTable } from "./row_table";

const storedRows = 5_000;
const tableRows = 500;
const snapshotRows = 2_000;

const isTime = (column: Column): boolean => /^timestamp/.test(column.type) || column.type === "date";
const isNumber = (column: Column): boolean =>
  /^(double|real|float|numeric|decimal|bigint|integer|int|smallint)/.test(column.type);
const isText = (column: Column): boolean => /^(text|varchar|char)/.test(column.type);

function select(label: string, names: string[], none: string): { field: HTMLElement; input: HTMLSelectElement } {
  const input = el("select");
  if (none) input.append(el("option", { value: "" }, none));
  for (const name of names) input.append(el("option", { value: name }, name));
  return { field: el("label", { class: "choice" }, label, input), input };
}

export class ViewPanel {
  readonly element: HTMLElement;
  private readonly store: RowStore;
  private readonly table: RowTable;
  private readonly chart: Chart | undefined;
  private readonly notice = el("p", { class: "notice", role: "status" });
  private readonly count = el("span", { class: "muted" });
  private readonly value: HTMLSelectElement;
  private readonly group: HTMLSelectElement;
  private readonly time: string;
  private waiting: Batch[] | undefined = []; // what comes while the snapshot is read
  private scheduled = false;
  private readonly end: () => void;

  constructor(
    private readonly view: View,
    live: LiveSocket,
  ) {
    const columns = view.columns ?? [];
    const numbers = columns.filter(isNumber).map((c) => c.name);
    const texts = columns.filter(isText).map((c) => c.name);
    this.time = this.timeColumn(columns);
    this.store = new RowStore(view, storedRows);
    this.table = new RowTable(columns, new Set(numbers), tableRows, view.name);
    const value = select("Value", numbers, "");
    const group = select("Line per", texts, "(one line)");
    this.value = value.input;
    this.group = group.input;
    this.group.value = (view.key ?? []).find((name) => texts.includes(name)) ?? texts[0] ?? "";
    for (const input of [this.value, this.group]) input.onchange = () => this.schedule();
    const title = el(
      "div",
      { class: "panel-title" },
      el("h3", {}, view.name),
      el("span", { class: "tag" }, view.kind ?? ""),
      this.count,
    );
    this.element = el("div", { class: "panel" }, title, this.notice);
    if (this.time && numbers.length > 0) {
      const plot = el("div", {
        class: "plot",
        role: "img",
        "aria-label": `Chart of ${view.name}; the table below has its values`,
      });
      this.element.append(el("div", { class: "choices" }, value.field, group.field), plot);
      this.chart = new Chart(plot);
    }
    this.element.append(this.table.element);
    this.end = live.subscribe(view.name, {
      opened: (resumed) => void (resumed || this.readSnapshot()),
      batch: (batch) => this.take(batch),
      shed: (count) => {
        this.say(`${count.toLocaleString("en")} rows came faster than this page could take them; it shows the newest.`);
        void this.readSnapshot();
      },
      failed: (problem) => this.fail(problem),
    });
    this.render(false);
  }

  close(): void {
    this.end();
    this.chart?.destroy();
  }

  private timeColumn(columns: Column[]): string {
    const times = columns.filter(isTime).map((c) => c.name);
    return ["window_start", "event_time"].find((name) => times.includes(name)) ?? times[0] ?? "";
  }

  private async readSnapshot(): Promise<void> {
    this.waiting = [];
    try {
      const rows = (await newestRows(this.view.name, snapshotRows)).reverse();
      this.store.clear();
      this.store.apply({ rows, deleted: [] });
      const known = new Set(rows.map(canonical));
      for (const batch of this.waiting ?? []) {
        this.store.apply({ deleted: batch.deleted, rows: batch.rows.filter((row) => this.isNew(row, known)) });
      }
      if (rows.length === 0) this.say("");
      this.schedule(false);
    } catch (failure) {
      this.fail(failure instanceof ApiError ? failure.problem : { status: 0, detail: "the node did not answer" });
    } finally {
      this.waiting = undefined;
    }
  }

  // What was committed while the snapshot was read may be in both.
  private isNew(row: Row, known: Set<string>): boolean {
    return this.view.kind === "upsert" || !known.has(canonical(row));
  }

  private take(batch: Batch): void {
    if (this.waiting) {
      this.waiting.push(batch);
      return;
    }
    this.store.apply(batch);
    this.schedule();
  }

  private schedule(flash = true): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.render(flash);
    });
  }

  private render(flash: boolean): void {
    const entries = this.store.entries();
    this.table.show(entries, flash);
    setText(this.count, `${this.store.size.toLocaleString("en")} newest rows`);
    if (entries.length === 0 && !this.waiting)
      this.say("No rows yet. They appear here as soon as the view commits its first.");
    if (entries.length > 0 && this.notice.textContent?.startsWith("No rows yet")) this.say("");
    if (!this.chart) return;
    const choice = { time: this.time, value: this.value.value, group: this.group.value };
    const left = this.chart.show(
      entries.map(([, row]) => row),
      choice,
    );
    if (left > 0) setText(this.count, `${this.count.textContent}; ${left} more groups are not drawn`);
  }

  private say(text: string): void {
    setText(this.notice, text);
  }

  private fail(problem: Problem): void {
    this.say([problem.detail, problem.hint].filter(Boolean).join("; "));
  }
}
