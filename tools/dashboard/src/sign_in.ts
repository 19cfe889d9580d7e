// What a browser without a session sees.
import { ApiError, signIn } from "./api";
import { card, el, setText } from "./dom";

export function signInCard(done: () => void): HTMLElement {
  const token = el("input", { type: "password", autocomplete: "off", required: "", spellcheck: "false" });
  const said = el("p", { class: "notice", role: "alert" });
  const form = el(
    "form",
    { class: "sign-in" },
    el("label", {}, "Token", token),
    el("button", { type: "submit" }, "Sign in"),
    said,
  );
  form.onsubmit = async (event) => {
    event.preventDefault();
    try {
      await signIn(token.value.trim());
      done();
    } catch (failure) {
      const refused = failure instanceof ApiError && failure.problem.status === 401;
      setText(said, refused ? "This is not the node's token." : `The node did not answer: ${String(failure)}`);
    }
  };
  return card(
    "sign-in",
    "Sign in",
    el(
      "p",
      {},
      "Open the address that the node printed at its start, or enter its token: the first line of the file ",
      el("code", {}, "token"),
      " in the node's data folder.",
    ),
    form,
  );
}
