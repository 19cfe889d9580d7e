// The views to choose from, and the one that is shown.
import { get, type View } from "./api";
import { card, el } from "./dom";
import type { LiveSocket } from "./live";
import { ViewPanel } from "./view_panel";

export class ViewList {
  readonly element: HTMLElement;
  private readonly names = el("ul", { class: "names", "aria-label": "Views" });
  private readonly place = el("div", { class: "place" });
  private readonly empty = el(
    "p",
    { class: "empty" },
    "No views yet. Deploy an SQL file with ",
    el("code", {}, "weir apply socks.sql"),
    "; its views show up here and their rows live.",
  );
  private readonly both: HTMLElement;
  private shown = "";
  private chosen = "";
  private panel: ViewPanel | undefined;

  constructor(private readonly live: LiveSocket) {
    this.both = el("div", { class: "views" }, el("nav", { "aria-label": "Views" }, this.names), this.place);
    this.element = card("views", "Views", this.both, this.empty);
    this.show([]);
  }

  show(views: View[]): void {
    this.both.hidden = views.length === 0;
    this.empty.hidden = views.length > 0;
    const wanted = JSON.stringify(views.map((view) => [view.name, view.kind, view.pipeline]));
    if (wanted === this.shown) return;
    this.shown = wanted;
    const asked = decodeURIComponent(location.hash.slice(1));
    const still = views.find((view) => view.name === this.chosen) ?? views.find((view) => view.name === asked);
    this.names.replaceChildren(...views.map((view) => el("li", {}, this.button(view))));
    const next = still ?? views[0];
    if (next) void this.choose(next);
    else this.leave();
  }

  private button(view: View): HTMLButtonElement {
    const out = el(
      "button",
      { type: "button", "data-view": view.name },
      el("span", {}, view.name),
      el("small", {}, view.kind ?? ""),
    );
    out.onclick = () => void this.choose(view);
    return out;
  }

  private async choose(view: View): Promise<void> {
    for (const button of this.names.querySelectorAll("button")) {
      button.setAttribute("aria-current", String(button.dataset["view"] === view.name));
    }
    if (this.chosen !== "") history.replaceState(null, "", `#${encodeURIComponent(view.name)}`);
    this.leave();
    this.chosen = view.name;
    const described = await get<View>(`/v1/views/${encodeURIComponent(view.name)}`).catch(() => view);
    if (this.chosen !== view.name || this.panel) return; // another one was chosen meanwhile
    this.panel = new ViewPanel(described, this.live);
    this.place.replaceChildren(this.panel.element);
  }

  private leave(): void {
    this.panel?.close();
    this.panel = undefined;
    this.chosen = "";
    this.place.replaceChildren();
  }
}
