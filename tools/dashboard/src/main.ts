import "./style.css";
import { ApiError, get, list, type NodeStatus, type Page, type Source, type View } from "./api";
import { LiveSocket } from "./live";
import { NodeHead } from "./node_status";
import { signInCard } from "./sign_in";
import { SourceTable } from "./source_table";
import { ViewList } from "./view_list";

const pollTime = 2_000; // ms

const head = new NodeHead(document.getElementById("node")!);
const content = document.getElementById("content")!;
let socketOpen = false;

function run(): void {
  const live = new LiveSocket((connected) => {
    socketOpen = connected;
    head.connection(connected ? "good" : "warn", connected ? "live" : "reconnecting");
  });
  const sources = new SourceTable();
  const views = new ViewList(live);
  content.replaceChildren(sources.element, views.element);
  live.connect();

  const poll = async (): Promise<void> => {
    try {
      const [status, all, shown] = await Promise.all([
        get<NodeStatus>("/v1/status"),
        get<Page<Source>>(`/v1/sources?limit=${sources.wanted}`),
        list<View>("/v1/views"),
      ]);
      head.show(status);
      sources.show(all);
      views.show(shown);
      if (socketOpen) head.connection("good", "live");
    } catch (failure) {
      if (failure instanceof ApiError && failure.problem.status === 401) return location.reload(); // to sign in again
      if (failure instanceof ApiError) head.connection("bad", failure.problem.detail);
      else head.connection("bad", "node unreachable");
    }
    setTimeout(() => void poll(), pollTime);
  };
  void poll();
}

// Runs once there is a session.
async function start(): Promise<void> {
  try {
    await get<NodeStatus>("/v1/status");
    run();
  } catch (failure) {
    if (failure instanceof ApiError && failure.problem.status === 401) {
      head.connection("calm", "signed out");
      content.replaceChildren(signInCard(() => location.reload()));
      return;
    }
    head.connection("bad", failure instanceof ApiError ? failure.problem.detail : "node unreachable");
    setTimeout(() => void start(), pollTime);
  }
}

void start();
