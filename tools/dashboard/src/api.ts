// The node's REST API, as far as the page reads it.
export interface Problem {
  status: number;
  detail: string;
  hint?: string;
}

export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

export type Row = Record<string, unknown>;

export interface NodeStatus {
  version?: string;
  node?: string;
  uptime_s?: number;
  shards?: { shard?: number; state?: string }[];
}

export interface Source {
  name: string;
  group?: string | null; // of the sources that POST fills without naming one
  stream: string;
  connector: string;
  state: string;
  rate?: number | null;
  lag?: number | string | null;
  last_error?: string | null;
  next_try?: number | string | null;
}

export interface Column {
  name: string;
  type: string;
}

export interface View {
  name: string;
  kind?: string;
  columns?: Column[];
  key?: string[];
  pipeline?: string;
}

const requestLimit = 10_000; // ms

async function send<T>(method: string, path: string, headers: Record<string, string>): Promise<T> {
  const answer = await fetch(path, { method, headers, signal: AbortSignal.timeout(requestLimit) });
  if (answer.status === 204) return undefined as T;
  const body = await answer.json();
  if (!answer.ok) throw new ApiError({ detail: answer.statusText, ...body, status: answer.status });
  return body as T;
}

export const get = <T>(path: string): Promise<T> => send<T>("GET", path, { Accept: "application/json" });

export interface Page<T> {
  items: T[];
  next?: string | null;
}

export async function list<T>(path: string): Promise<T[]> {
  return (await get<Page<T>>(path)).items;
}

// Signs this browser in; the node answers with a cookie that no script can read.
export function signIn(token: string): Promise<void> {
  return send("POST", "/v1/sessions", { Authorization: `Bearer ${token}` });
}

export function newestRows(view: string, limit: number): Promise<Row[]> {
  return list<Row>(`/v1/views/${encodeURIComponent(view)}/rows?order=newest&limit=${limit}`);
}
