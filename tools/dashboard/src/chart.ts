// A line chart of one numeric column over time, one line per group.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Row } from "./api";
import { cellText, secondsOf } from "./format";

export interface ChartChoice {
  time: string;
  value: string;
  group: string; // empty: one line
}

const maxSeries = 8;
const height = 260;
const colors = ["#0d9488", "#d97706", "#6366f1", "#db2777", "#65a30d", "#0284c7", "#9333ea", "#dc2626"];

// Smallest step in seconds, its label, and what the label gains when the day, or the year, changes.
const day = "\n{MMM} {D}";
const timeLabels = [
  [86400, "{MMM} {D}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", `${day} {YYYY}`, null, day, null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", `${day} {YYYY}`, null, day, null, null, null, 1],
] as unknown as uPlot.Axis.Values;

function cssColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export class Chart {
  private plot: uPlot | undefined;
  private drawn = ""; // what the plot's series and colors were made for

  constructor(private readonly parent: HTMLElement) {
    new ResizeObserver(() => this.plot?.setSize({ width: this.width(), height })).observe(parent);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (this.drawn = ""));
  }

  // Returns how many groups there are beyond those that are drawn.
  show(rows: Row[], choice: ChartChoice): number {
    const { groups, data, left } = this.align(rows, choice);
    const wanted = JSON.stringify([choice, groups]);
    if (this.plot && this.drawn === wanted) {
      this.plot.setData(data);
      return left;
    }
    this.plot?.destroy();
    this.plot = new uPlot(this.options(groups.length > 0 ? groups : [choice.value]), data, this.parent);
    this.drawn = wanted;
    return left;
  }

  destroy(): void {
    this.plot?.destroy();
  }

  private align(rows: Row[], choice: ChartChoice): { groups: string[]; data: uPlot.AlignedData; left: number } {
    const groups = new Map<string, Map<number, number>>();
    const times = new Set<number>();
    const left = new Set<string>();
    for (const row of rows) {
      const at = secondsOf(row[choice.time]);
      const value = row[choice.value];
      if (Number.isNaN(at) || typeof value !== "number") continue;
      const name = choice.group ? cellText(row[choice.group]) || "(null)" : choice.value;
      if (!groups.has(name) && groups.size >= maxSeries) {
        left.add(name);
        continue;
      }
      const points = groups.get(name) ?? new Map<number, number>();
      points.set(at, value);
      groups.set(name, points);
      times.add(at);
    }
    const axis = [...times].sort((a, b) => a - b);
    const names = [...groups.keys()].sort();
    const lines = names.map((name) => axis.map((at) => groups.get(name)!.get(at)));
    const data = [axis, ...(lines.length > 0 ? lines : [[]])] as uPlot.AlignedData;
    return { groups: names, data, left: left.size };
  }

  private options(groups: string[]): uPlot.Options {
    const ink = cssColor("--muted");
    const grid = { stroke: cssColor("--line"), width: 1 };
    const axis = { stroke: ink, grid, ticks: grid, font: "12px system-ui, sans-serif" };
    const series = groups.map((name, i) => ({
      label: name,
      stroke: colors[i % colors.length]!,
      width: 2,
      spanGaps: true,
      points: { show: false },
    }));
    return {
      width: this.width(),
      height,
      cursor: { points: { size: 7 } },
      series: [{ value: "{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}" }, ...series],
      axes: [
        { ...axis, values: timeLabels },
        { ...axis, size: 60 },
      ],
    };
  }

  private width(): number {
    return Math.max(200, this.parent.clientWidth);
  }
}
