// Values as people read them.
const number = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });

export function cellText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return number.format(value);
  if (typeof value === "string") return value;
  return JSON.stringify(value);
}

export function rateText(value: unknown): string {
  if (typeof value !== "number") return "";
  return new Intl.NumberFormat("en", { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
}

export function durationText(seconds: number): string {
  if (seconds < 10) return `${number.format(Math.round(seconds * 10) / 10)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

// A number is seconds; a text is as the node wrote it.
export function lagText(value: unknown): string {
  return typeof value === "number" ? durationText(value) : cellText(value);
}

export function timeText(value: unknown): string {
  if (typeof value !== "string") return typeof value === "number" ? `in ${durationText(value)}` : "";
  const at = Date.parse(value);
  return Number.isNaN(at) ? value : new Date(at).toLocaleTimeString([], { hourCycle: "h23" });
}

// Seconds since 1970 of a timestamp in whatever form a row has it; NaN when it is none.
export function secondsOf(value: unknown): number {
  if (typeof value === "string") return Date.parse(value.includes("T") ? value : value.replace(" ", "T")) / 1000;
  if (typeof value !== "number") return NaN;
  return value > 1e14 ? value / 1e6 : value > 1e11 ? value / 1e3 : value;
}
