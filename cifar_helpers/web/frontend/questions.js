// Questions to the reader: a prediction before a result, or the quiz of a lesson, one card for each question.
import styles from "./questions.css";
import { h, inline, mount, binding } from "./ui.js";
import { button } from "./controls.js";
import { parse } from "./numbers.js";

const LETTERS = "ABCDE";
const MARKS = { right: "✓", wrong: "✗", open: "…" };

/**
 * Traits: `kind` is "prediction" or "quiz"; `questions` a list of {name, ask, options (texts, or null where a number
 * is asked), unit}; `replies` a list with null, or {state: "right" | "wrong" | "open", says, given, right} for each
 * question: `right` is the number of the right option.
 *
 * With Python behind it, one message carries question and answer, and Python judges; without, the file "answers"
 * holds what the replies would be.
 */
export function render({ model, el, load }) {
  const quiz = model.get("kind") === "quiz";
  const questions = model.get("questions");
  const { root, close } = mount(el, "questions", quiz ? "Quiz" : "Prediction", styles, () => {});
  const state = binding(model, { replies: () => draw() });
  let current = 0;

  const cards = questions.map((question, k) => card(question, quiz ? k + 1 : 0, given => send(k, given)));
  const steps = questions.map((_, k) => h("button", { type: "button", class: "q-step", onclick: () => show(k) }, String(k + 1)));
  const score = h("span", { class: "cw-cap", role: "status" });
  if (quiz) {
    root.append(
      h("div", { class: "q-head" }, h("div", { class: "q-steps", role: "group", "aria-label": "Questions" }, steps), score),
    );
    cards.forEach((one, k) => one.next(k + 1 < cards.length ? () => show(k + 1, true) : null));
  }
  root.append(...cards.map(one => one.node));

  function send(k, given) {
    if (model.send) model.send({ type: "answer", question: k, answer: given });
    else judged(k, given);
  }

  /** Without Python: the page carries the replies. */
  async function judged(k, given) {
    const known = JSON.parse(new TextDecoder().decode(await load("answers")))[k];
    const reply = questions[k].options ? known.replies[given] : ofNumber(known, given);
    const replies = [...model.get("replies")];
    replies[k] = { ...reply, given, right: known.right };
    state.set({ replies });
    draw();
  }

  function show(k, focus = false) {
    current = k;
    draw();
    if (focus) cards[k].focus();
  }

  function draw() {
    const replies = model.get("replies");
    cards.forEach((one, k) => {
      one.node.hidden = quiz && k !== current;
      one.set(replies[k], !quiz && replies[k] && replies[k].state !== "open");
    });
    if (!quiz) return;
    const right = replies.filter(reply => reply?.state === "right").length;
    score.textContent = `${right} of ${questions.length} right`;
    steps.forEach((step, k) => {
      const known = replies[k]?.state;
      step.dataset.state = known ?? "";
      step.setAttribute("aria-current", k === current ? "step" : "false");
      const words = { right: ", right", wrong: ", not yet right" }[known] ?? "";
      step.setAttribute("aria-label", `Question ${k + 1}${words}`);
      step.textContent = known === "right" || known === "wrong" ? `${k + 1} ${MARKS[known]}` : String(k + 1);
    });
  }

  draw();
  return () => {
    state.close();
    close();
  };
}

/**
 * One question, its field and what is said to the answer.
 * @param {{name: string, ask: string, options: string[] | null, unit: string}} question
 * @param {number} number in a quiz, else 0
 * @param {(given: string | number) => void} send an option's number, or what was typed
 */
function card(question, number, send) {
  const title = h("legend", { class: "q-ask" }, ...inline(number ? `${number}. ${question.ask}` : question.ask));
  const options = (question.options ?? []).map((text, k) => {
    const radio = h("input", { type: "radio", name: question.name, value: k });
    return { radio, row: h("label", { class: "q-option" }, radio, h("b", { "aria-hidden": "true" }, LETTERS[k]), h("span", {}, ...inline(text)), h("i", { "aria-hidden": "true" })) };
  });
  const number_ = question.options
    ? null
    : h("input", { type: "text", class: "q-number", inputmode: "decimal", autocomplete: "off", "aria-label": question.ask });
  const verdict = h("div", { class: "q-verdict", role: "status" });
  const press = button(number ? "Check" : "Commit", () => commit(), { main: true });
  const next = button("Next question", () => {});
  next.hidden = true;
  const node = h(
    "fieldset",
    { class: "q-card" },
    title,
    question.options
      ? h("div", { class: "q-options", role: "radiogroup", "aria-label": number ? `${number}. ${question.ask}` : question.ask }, options.map(option => option.row))
      : h("label", { class: "q-field" }, number_, h("span", {}, question.unit)),
    h("div", { class: "q-foot" }, press, verdict, next),
  );
  number_?.addEventListener("keydown", event => {
    if (event.key === "Enter") commit();
  });

  function commit() {
    const chosen = options.findIndex(option => option.radio.checked);
    const given = question.options ? chosen : number_.value.trim();
    if (given === -1) say("open", "Choose an answer first.");
    else if (given === "") say("open", "Write a number first.");
    else send(given);
  }

  function say(kind, text) {
    verdict.dataset.state = kind;
    verdict.replaceChildren(h("b", { "aria-hidden": "true" }, MARKS[kind]), h("span", {}, ...inline(text)));
  }

  return {
    node,
    focus() {
      (options[0]?.radio ?? number_).focus();
    },
    /** @param {(() => void) | null} go */
    next(go) {
      if (go) next.onclick = go;
      next.dataset.last = go ? "" : "true";
    },
    /**
     * @param {any} reply or null
     * @param {boolean} final nothing can be changed any more
     */
    set(reply, final) {
      node.disabled = final;
      press.hidden = final;
      if (!reply) return;
      say(reply.state, reply.says);
      next.hidden = reply.state === "open" || Boolean(next.dataset.last) || !number;
      if (question.options) {
        options.forEach(({ radio, row }, k) => {
          const isGiven = k === reply.given;
          if (isGiven) radio.checked = true;
          const mark = reply.state === "open" ? "" : k === reply.right ? "right" : isGiven ? "wrong" : "";
          row.dataset.state = mark;
          row.lastChild.textContent = MARKS[mark] ?? "";
        });
      } else if (!number_.value) number_.value = reply.given;
    },
  };
}

/** What is said to a number, from the file "answers". */
function ofNumber(known, given) {
  const value = parse(String(given).replace("%", ""));
  if (Number.isNaN(value)) return { state: "open", says: `“${given}” is no number that can be judged; write digits alone, such as 12.5.` };
  if (Math.abs(value - known.truth) <= known.close * Math.abs(known.truth)) return { state: "right", says: known.yes };
  const belief = known.beliefs.find(one => one.low <= value && value < one.high);
  return { state: "wrong", says: [known.no, belief?.says, known.says].filter(Boolean).join(" ") };
}
