// The newest rows of one view, bounded. An upsert view's rows are replaced by key; an append view's only follow.
import type { Row, View } from "./api";
import type { Batch } from "./live";

export class RowStore {
  private readonly rows = new Map<string, Row>(); // oldest first
  private readonly key: string[];
  private count = 0;

  constructor(
    view: View,
    private readonly limit: number,
  ) {
    this.key = view.kind === "upsert" ? (view.key ?? []) : [];
  }

  apply(batch: Batch): void {
    for (const row of batch.deleted) this.rows.delete(this.keyOf(row));
    for (const row of batch.rows) this.rows.set(this.keyOf(row), row);
    for (const key of this.rows.keys()) {
      if (this.rows.size <= this.limit) break;
      this.rows.delete(key);
    }
  }

  clear(): void {
    this.rows.clear();
  }

  get size(): number {
    return this.rows.size;
  }

  // Keys with their rows, oldest first.
  entries(): [string, Row][] {
    return [...this.rows];
  }

  private keyOf(row: Row): string {
    if (this.key.length === 0) return String(this.count++);
    return JSON.stringify(this.key.map((name) => row[name]));
  }
}

// A row as text that does not depend on the order of its columns.
export function canonical(row: Row): string {
  return JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)));
}
