// Questions to the reader: a prediction before a result, or the quiz of a lesson, one card for each question.
import styles from "./questions.css";
import { asking, h, inline, mount, binding } from "./ui.js";
import { button, isShortcut } from "./controls.js";
import { clamp, unbroken } from "./numbers.js";

const MARKS = { right: "✓", wrong: "✗", open: "↻" };
const LETTERS = "ABCDE";
const STILL = 400; // ms in which a second press is the end of a double click
const SLACK = 1e-9; // of numbers in floating point
const TRIES = 2; // wrong answers in a quiz before the right one is shown
const NEAR = 1.5; // times as far off as a right guess may be, and still close
const WHY = "Why not the others?";

/**
 * Traits: `kind` is "prediction" or "quiz"; `questions` a list of {name, ask, options (texts, or null if a number
 * is asked for), measured (whether bars for the options will come), unit, close, scale (two ends, or null), section (of
 * the lesson, to read again)}; `replies` as in question_widget.py. With Python, one message carries question and
 * answer, and Python judges it; without Python, the file "answers" contains the replies.
 */
export function render({ model, el, load }) {
  const quiz = model.get("kind") === "quiz";
  const questions = model.get("questions");
  const { root, close } = mount(el, "questions", quiz ? "Quiz" : "Prediction", styles, () => {});
  const python = asking(model, root);
  const state = binding(model, {
    replies: () => {
      python.heard();
      draw();
    },
  });
  let current = 0;

  const cards = questions.map((question, k) =>
    card(question, quiz ? k + 1 : 0, given => send(k, given), next, () => reasons(k)),
  );
  const steps = questions.map((_, k) => h("button", { type: "button", class: "q-step", onclick: () => show(k) }));
  const score = h("div", { class: "cw-cap", role: "status" });
  const end = h("div", { class: "q-end" });
  const head = h("div", { class: "q-head" });
  head.append(h("div", { class: "q-steps", role: "group", "aria-label": "Questions" }, steps), score);
  if (quiz) root.append(head);
  root.append(...cards.map(one => one.node));
  if (quiz) root.append(end);

  function send(k, given) {
    if (model.get("replies")[k]?.given === given) draw(); // the reply is known, so none would come
    else if (model.send) python.send({ type: "answer", question: k, answer: given });
    else judge(k, given);
  }

  async function known(k) {
    return JSON.parse(new TextDecoder().decode(await load("answers")))[k];
  }

  /** Of each option of a question that is over, why it is wrong or right. */
  async function reasons(k) {
    return (await known(k)).replies.map(reply => reply.says.split("\n")[0]);
  }

  /** Without Python, the page contains the replies. */
  async function judge(k, given) {
    const answers = await known(k);
    const replies = [...model.get("replies")];
    const { replies: ofEach, ...outcome } = answers;
    const ofOption = () => ({ ...ofEach[given], ...outcome });
    const reply = questions[k].options ? ofOption() : ofNumber(questions[k], answers, given);
    replies[k] = { ...(quiz ? tried(reply, given, replies[k]) : reply), given };
    state.set({ replies });
    draw();
  }

  function show(k) {
    current = k;
    draw();
  }

  /** The next question that is not answered yet, else the next that may be answered again. */
  function following() {
    const replies = model.get("replies");
    const order = questions.map((_, k) => (current + 1 + k) % questions.length).slice(0, -1);
    return order.find(k => !replies[k]) ?? order.find(k => !isOver(replies[k]));
  }

  function next() {
    go(following());
  }

  /** Let the questions that were missed be answered from scratch; the score on the first try stays. */
  function again(numbers) {
    const fresh = ({ first }) => ({ state: "wrong", says: "", first, wrong: [] });
    state.set({ replies: model.get("replies").map((reply, k) => (numbers.includes(k) ? fresh(reply) : reply)) });
    go(numbers[0]);
  }

  function go(k) {
    show(k);
    cards[k].focus();
  }

  function draw() {
    const replies = model.get("replies");
    cards.forEach((one, k) => {
      one.node.hidden = quiz && k !== current;
      one.set(replies[k], quiz && following() !== undefined);
    });
    if (!quiz) return;
    score.replaceChildren(...summary(replies));
    end.hidden = !replies.every(isOver);
    end.replaceChildren(...(end.hidden ? [] : closing(replies)));
    steps.forEach((step, k) => {
      const isOpen = replies[k] && !isOver(replies[k]);
      const known = isOpen ? "open" : replies[k]?.state;
      step.dataset.state = known ?? "";
      step.setAttribute("aria-current", k === current ? "step" : "false");
      const words = known === "open" ? triesLeft(replies[k]).toLowerCase() : known;
      step.setAttribute("aria-label", `Question ${k + 1}${words ? `, ${words}` : ""}`);
      step.textContent = known ? `${k + 1} ${MARKS[known]}` : String(k + 1);
    });
  }

  /** What to read again once all questions are over: what was missed, else what took more than one try. */
  function closing(replies) {
    const those = holds => replies.flatMap((reply, k) => (holds(reply) ? [k] : []));
    const wrong = those(reply => reply.state === "wrong");
    const late = those(reply => !reply.first);
    const right = `All ${replies.length} right`;
    if (!late.length) return [h("p", {}, `${right} on the first try: nothing to read again.`)];
    if (!wrong.length) {
      const which = late.length > 1 ? "These" : "This one";
      return [h("p", {}, `${right}. ${which} took more than one try:`), sections(late)];
    }
    const retry = wrong.length > 1 ? "Try these again" : `Try question ${wrong[0] + 1} again`;
    return [h("p", {}, "Read again in this lesson:"), sections(wrong), button(retry, () => again(wrong))];
  }

  /** The sections of the lesson that answer some questions. */
  function sections(numbers) {
    const items = [...new Set(numbers.map(k => questions[k].section))].map(section => {
      const about = numbers.filter(k => questions[k].section === section);
      const place = heading(section);
      const name = place ? link(inline(section), () => place.scrollIntoView()) : inline(section);
      return h("li", {}, h("b", {}, name), ...about.map(k => link(`Question ${k + 1}`, () => go(k))));
    });
    return h("ul", {}, items);
  }

  draw();
  return () => {
    state.close();
    close();
  };
}

/** A heading of the page, if it is a lesson and shows it; themes add a sign to headings. */
function heading(words) {
  const named = one => one.textContent.replace(/\s*[¶#]\s*$/, "").trim() === words.replaceAll("`", "");
  return [...document.querySelectorAll("h2, h3, h4")].find(named);
}

function link(text, pressed) {
  return h("button", { type: "button", class: "q-link", onclick: pressed }, text);
}

/** Whether the right answer is shown, which ends a question. */
function isOver(reply) {
  return (reply?.right ?? reply?.truth) !== undefined;
}

/** How many tries a question of a quiz has left. */
function triesLeft(reply) {
  return ["", "One try left", "Two tries"][TRIES - (reply?.wrong.length ?? 0)];
}

/** A reply in a quiz, which keeps the right answer back at first; the same as `answer` in question_widget.py. */
function tried({ right, ...reply }, given, earlier) {
  const first = earlier?.first ?? reply.state === "right";
  const wrong = [...(earlier?.wrong ?? []), ...(reply.state === "wrong" ? [given] : [])];
  if (reply.state === "right" || wrong.length >= TRIES) return { ...reply, right, first, wrong };
  return { ...reply, says: reply.says.split("\n")[0], first, wrong };
}

function summary(replies) {
  const right = replies.filter(reply => reply?.state === "right").length;
  const first = replies.filter(reply => reply?.first).length;
  return [h("b", {}, `${right} of ${replies.length} right`), first < right ? `, ${first} on the first try` : ""];
}

/**
 * One question, its input and the reply.
 * @param {{name: string, ask: string, options: string[] | null, unit: string, close: number}} question
 * @param {number} number in a quiz, else 0
 * @param {(given: string | number) => void} send an option's number, or the typed text
 * @param {() => void} go to the next question
 * @param {() => Promise<string[]>} reasons why each option is wrong or right
 */
function card(question, number, send, go, reasons) {
  // Only the question itself is bold, not what leads to it or follows it.
  const [, lead = "", ask = question.ask, note = ""] = unbroken(question.ask).match(/^(.*[.!] )?(.*\?)(.*)$/) ?? [];
  const name = [...inline(lead), h("b", {}, ...inline(ask)), ...inline(note)];
  const options = (question.options ?? []).map((text, k) => {
    const heard = { onchange: () => clear(), onkeydown: lettered };
    const radio = h("input", { type: "radio", name: question.name, value: k, ...heard });
    const letter = h("b", { "aria-hidden": "true" }, LETTERS[k]);
    const mark = h("i", { "aria-hidden": "true" });
    const words = h("span", { class: "q-text" }, ...inline(text));
    const [bar, value] = ["q-bar", "q-value"].map(name => h("span", { class: name }));
    const measured = question.measured ? [bar, value] : [];
    const row = h("label", { class: "q-option", style: `order: ${2 * k}` }, radio, letter, words, ...measured, mark);
    return { radio, mark, bar, value, row };
  });
  const axis = h("div", { class: "q-axis cw-cap", "aria-hidden": "true" });
  const typed = h("input", {
    type: "text", class: "q-number", inputmode: "text", autocomplete: "off",
    "aria-label": question.ask.replaceAll("`", ""), oninput: () => moved(guessed()), onkeydown: keyed,
  });
  const counts = h("span", { class: "cw-cap" }, judgedBy(question));
  const label = h("label", { class: "q-field" }, typed, h("span", {}, question.unit));
  const [low, high] = question.scale ?? [-Infinity, Infinity];
  const step = question.scale ? 10 ** Math.round(Math.log10((high - low) / 100)) : question.close ? 0 : 1;
  const slider = h("input", {
    type: "range", class: "cw-slider", min: low, max: high, step, value: 0,
    "aria-label": "Your guess on the scale", "aria-valuetext": "no guess yet", oninput: () => take(+slider.value),
    onclick: rested, onpointerup: rested, // a finger on a slider makes no click
    onpointerdown: () => {
      // A swipe that scrolls the page begins like a press, and leaves the guess as it was.
      before = typed.value;
      slider.step = step;
    },
    onpointercancel: () => {
      typed.value = before;
      moved(guessed());
    },
    onkeydown: event => {
      if (event.key === "Enter") rested();
      keyed(event);
    },
  });
  let before = "";
  let marks = h("div");
  const track = h("div", { class: "q-scale" }, marks, slider);
  const [own, answer] = ["q-own", "q-answer"].map(name => h("b", { class: name }));
  const left = h("div", {}, label, own, answer);
  const field = [h("div", { class: "q-row" }, left, track), counts];
  track.hidden = !question.scale;
  if (question.scale) mark({});
  const verdict = h("div", { class: "q-verdict", role: "status" });
  const press = button(number ? "Check" : "Commit", () => commit());
  const next = button("Next question", go);
  const others = button(WHY, async () => {
    const ofEach = await reasons();
    const open = verdict.querySelectorAll('[data-state="other"]');
    const lines = ofEach.flatMap((words, k) => (explained.has(k) ? [] : [line("other", words, k)]));
    if (open.length) open.forEach(one => one.remove());
    else verdict.append(...lines);
    others.textContent = open.length ? WHY : "Hide the other reasons";
  });
  others.classList.add("q-link");
  const past = new Map(); // the reasons of the wrong options that were tried
  let explained = new Set();
  const tries = reply => (number ? `${triesLeft(reply)}.` : "You answer once, then see the right answer.");
  const rule = h("div", { class: "cw-cap q-kind" }, tries());
  const node = h(
    "fieldset",
    { class: "q-card" },
    h("legend", { class: "q-ask" }, number ? h("b", {}, `${number}. `) : "", name),
    rule,
    h(
      "div",
      { class: question.measured ? "q-options q-measured" : "q-options" },
      ...(question.options ? [axis, ...options.map(option => option.row)] : field),
      verdict,
      h("div", { class: "q-foot" }, press, next, others),
    ),
  );
  others.hidden = axis.hidden = true;
  let shown = "";

  function guessed() {
    return read(typed.value, question.unit, question.scale?.[1] ?? 0);
  }

  function take(guess) {
    typed.value = String(+guess.toFixed(6)); // 0.3 is not quite three times 0.1
    moved(+typed.value);
  }

  /** Where the mark rests may be the guess. */
  function rested() {
    if (guessed() !== +slider.value) take(+slider.value);
  }

  /** Arrow keys change the guess by a step, in the field as on the scale. @param {KeyboardEvent} event */
  function keyed(event) {
    if (event.key === "Enter") commit();
    if (isShortcut(event)) return;
    const across = event.target === slider && { ArrowRight: 1, ArrowLeft: -1 };
    const by = step * ({ ArrowUp: 1, ArrowDown: -1, ...across }[event.key] ?? 0);
    if (!by) return;
    event.preventDefault();
    const from = guessed();
    take(clamp((Number.isNaN(from) ? (question.scale ? +slider.value : 0) : from) + by, low, high));
  }

  /** The letters of the options choose them. @param {KeyboardEvent} event */
  function lettered(event) {
    if (event.key === "Enter") commit();
    const radio = options[LETTERS.indexOf(event.key.toUpperCase())]?.radio;
    if (!radio || radio.disabled || isShortcut(event)) return;
    radio.focus();
    radio.checked = true;
    clear();
  }

  function commit() {
    const chosen = options.findIndex(option => option.radio.checked);
    const given = question.options ? chosen : typed.value.trim();
    if (given === -1) say("open", "Choose an answer first.");
    else if (given === "") say("open", question.scale ? "Write a number, or click the scale, first." : "Write a number first.");
    else {
      // The reply moves what is below it, so the end of a double click would choose or select something else.
      node.classList.add("q-still");
      const keep = event => event.preventDefault(); // nor may it take the focus, which the reply gets
      const around = node.parentElement;
      around.addEventListener("mousedown", keep);
      setTimeout(() => {
        node.classList.remove("q-still");
        around.removeEventListener("mousedown", keep);
      }, STILL);
      send(given);
    }
  }

  /** To the chosen answer, or the first that can be chosen. */
  function choose() {
    const radios = options.map(option => option.radio);
    (radios.find(radio => radio.checked) ?? radios.find(radio => !radio.disabled)).focus();
  }

  function mark(reply) {
    marks.replaceWith((marks = scale(reply, question, take)));
  }

  /** The mark follows what is typed, and the field follows the mark. */
  function moved(guess) {
    clear();
    if (!question.scale) return;
    const isShown = guess >= low && guess <= high;
    slider.step = Math.abs(guess / step - Math.round(guess / step)) > SLACK ? "any" : step; // 3.5 is not put at 4
    slider.value = Number.isNaN(guess) ? 0 : guess; // beyond the scale, at its end
    mark(isShown ? { guess } : {});
    slider.setAttribute("aria-valuetext", isShown ? `${inFull(guess)} ${question.unit}`.trim() : "no guess yet");
    const isBeyond = guess < 0 ? guess < low : guess > high; // more digits may bring a smaller one onto the scale
    const ends = `from ${inFull(low)} to ${inFull(high)}`;
    if (isBeyond) say("open", `${inFull(guess)} is not on the scale. Choose a number ${ends}.`); // as the reply does
  }

  /** A message goes once something is done about it; reasons stay with their options. */
  function clear() {
    shown = "";
    say("open", "");
    ready();
  }

  /** The button stands out once there is something to judge. */
  function ready() {
    press.classList.toggle("cw-main", Boolean(typed.value.trim()) || options.some(option => option.radio.checked));
  }

  /** A line of the reply, below the option that it is about, if it is about one. */
  function line(kind, words, k) {
    const place = k === undefined ? {} : { class: "q-why", style: `order: ${2 * k + 1}` };
    words = unbroken(words);
    const [, verdict = "", reason = words] = (kind !== "open" && words.match(/^(.*?\.)( .*)$/)) || [];
    return h("p", { "data-state": kind, tabindex: -1, ...place }, h("b", {}, ...inline(verdict)), ...inline(reason));
  }

  function say(kind, text, about = []) {
    // In the reply to a wrong answer, the second line is about the right one.
    const lines = text.split("\n").filter(Boolean).map((words, k) => line(k ? "right" : kind, words, about[k]));
    typed.setAttribute("aria-invalid", String(kind === "open" && Boolean(text)));
    verdict.replaceChildren(...(kind === "open" ? verdict.querySelectorAll(".q-why") : []), ...lines);
    others.textContent = WHY;
  }

  /** Where the focus rests when the control that had it is gone. */
  function rest() {
    /** @type {HTMLElement | null} */ (verdict.firstElementChild)?.focus();
  }

  return {
    node,
    focus: choose,
    /**
     * @param {any} reply or null
     * @param {boolean} more whether there is a question to go on to
     */
    set(reply, more) {
      const active = node.getRootNode().activeElement;
      const final = isOver(reply);
      const isFresh = node.classList.contains("q-over") && !final; // to be answered from scratch
      const isMore = number && reply?.state === "wrong" && !final && reply.says;
      if (final && !typed.disabled) left.style.minWidth = `${label.offsetWidth}px`; // so that the scale stays in place
      node.classList.toggle("q-over", final);
      typed.disabled = label.hidden = final;
      press.hidden = final;
      next.hidden = !reply || !more;
      next.classList.toggle("cw-main", final);
      next.classList.toggle("q-link", !final);
      const text = JSON.stringify(reply);
      if (!reply || text === shown) return;
      shown = text;
      const about = question.options ? [reply.given, reply.right] : [];
      say(reply.near ? "near" : reply.state, isMore ? `${reply.says} One more try.` : reply.says, about);
      if (!reply.wrong?.length) past.clear();
      for (const [k, words] of past) if (k !== reply.given) verdict.append(line("wrong", words, k));
      if (reply.state === "wrong" && question.options && reply.says) past.set(reply.given, reply.says.split("\n")[0]);
      explained = new Set([...about, ...past.keys()]);
      others.hidden = !final || options.length <= explained.size;
      if (!question.options) typed.value ||= reply.given;
      if (reply.truth !== undefined) {
        const [low, high] = limits(reply.truth, question.close).map(inFull);
        counts.textContent = `Anything from ${low} to ${high}${question.unit && ` ${question.unit}`} counts as right.`;
        counts.hidden = low === high;
        mark(reply);
        own.replaceChildren(inFull(reply.guess), h("span", {}, ` ${question.unit}`));
        answer.replaceChildren(rounded(reply.truth), h("span", {}, ` ${question.unit}`));
        track.hidden = false;
        slider.hidden = true;
      }
      rule.textContent = final ? measuredHow(reply) : tries(reply);
      axis.hidden = !reply.measured;
      if (reply.measured) axis.replaceChildren(ticks(reply.measured));
      options.forEach(({ radio, row, mark, bar, value }, k) => {
        if (reply.measured?.[k]) {
          bar.replaceChildren(lengths(reply.measured, k));
          value.replaceChildren(...amount(reply.measured[k]));
        }
        const isWrong = k !== reply.right && (k === reply.given || reply.wrong?.includes(k));
        radio.disabled = final || isWrong;
        radio.checked = final ? k === reply.given : radio.checked && !isWrong && !isFresh;
        row.dataset.state = k === reply.right ? "right" : isWrong ? "wrong" : "";
        mark.textContent = MARKS[row.dataset.state] ?? "";
      });
      ready();
      if (node.contains(active) && (active.disabled || active.hidden)) final ? rest() : choose();
    },
  };
}

/** What the bars are, and which of them overlap in the ranges of their runs. */
function measuredHow({ measured, runs = "several" }) {
  const ends = (measured ?? []).map((one, k) => [LETTERS[k], one?.[2], one?.[3]]);
  const ranges = ends.filter(([, low]) => Number.isFinite(low));
  if (!ranges.length) return measured ? "The bars show what was measured." : "";
  const pairs = ranges.flatMap(([one, low, high], k) =>
    ranges.slice(k + 1).flatMap(([two, low2, high2]) => (low <= high2 && low2 <= high ? [`${one} and ${two}`] : [])));
  const close = pairs.length ? ` The lines of ${pairs.join(", ")} overlap: too close to call from ${runs} runs.` : "";
  return `Bars show the mean of ${runs} runs, thin lines the range from the lowest to the highest.${close}`;
}

/** The multiples of a step from one number to another. */
function multiples(step, low, high) {
  const first = Math.ceil(low / step - SLACK);
  const count = Math.floor(high / step + SLACK) - first + 1;
  return Array.from({ length: count }, (_, k) => +((first + k) * step).toPrecision(9)); // 0.3 is not quite 3 × 0.1
}

/** The line that all bars share, from the smallest number to a round one above the largest, and round ones between. */
function lineOf(measured) {
  const values = [0, ...measured.flatMap(one => (one ?? []).filter(Number.isFinite))];
  const [low, most] = [Math.min(...values), Math.max(...values)];
  const reach = (most - low || 1) / 1.5;
  const power = 10 ** Math.floor(Math.log10(reach));
  const step = power * [5, 2, 1].find(times => times * power <= reach);
  const high = step * Math.ceil(most / step - SLACK);
  const share = place => (100 * (place - low)) / (high - low || 1);
  return { share, round: multiples(step, low, high) };
}

/** The round numbers of the line, the last one with its unit. */
function ticks(measured) {
  const { share, round } = lineOf(measured);
  const unit = measured.find(Boolean)[1].replace(/^\S+/, "");
  const labels = round.map(value => h("span", { style: `left: ${share(value)}%` }, rounded(value)));
  labels.at(-1).append(h("span", {}, unit));
  return h("span", { class: "q-bar" }, labels);
}

/** What was measured for an option, as a bar from zero on the shared line, with the range of its runs. */
function lengths(measured, k) {
  const [value, , lowest, highest, range] = measured[k];
  const { share, round } = lineOf(measured);
  const part = (name, ends) => {
    const [from, to] = ends.map(share).sort((a, b) => a - b);
    return h(name, { style: `left: ${from}%; width: ${to - from}%` });
  };
  const rule = at => `linear-gradient(var(--cw-${at ? "line" : "edge"}) 0 0) ${share(at)}% 0 / 1px 100% no-repeat`;
  const own = [part("s", [0, value]), range ? part("u", [lowest, highest]) : null];
  return h("s", { title: range ?? "", style: `background: ${round.map(rule)}` }, own);
}

/** The number of a bar; its unit is on the axis. */
function amount([, words, , , range]) {
  const [, number, unit] = words.match(/^(\S+)(.*)$/);
  return [number, h("span", { class: "cw-sr" }, range ? `${unit}, ${range}` : unit)];
}

/** In words, how near a guess must be. */
function judgedBy({ close, unit }) {
  if (!close) return "The answer is a whole number. Only that number counts as right.";
  const [right, near] = [close, NEAR * close].map(inFull);
  return `A guess within ${right} ${inWords(unit, close)} of the answer counts as right, within ${near} as close.`;
}

/** The unit of a difference: "points" of percentages, "1 point". */
function inWords(unit, amount) {
  const words = unit === "%" ? "points" : unit;
  return +amount === 1 ? words.replace(/s$/, "") : words;
}

/** From where to where a guess counts as right. */
function limits(truth, close) {
  return [truth - close, truth + close];
}

/**
 * Round numbers of a line, its ends and zero, which a click takes, the guess, and once they are known, the right answer
 * and what counts as right.
 */
function scale({ guess, truth }, { unit, close, scale: ends }, take) {
  const range = truth === undefined ? [] : limits(truth, close);
  const [low, high] = ends ?? around([0, guess, ...range]);
  const share = value => ((value - low) / (high - low || 1)) * 100;
  const mark = (value, words, kind, onclick = () => {}) => {
    const style = `left: ${share(value)}%; --at: ${share(value) / 100}`;
    return h("i", { class: kind, style }, h("span", { onclick }, words));
  };
  const answer = truth === undefined ? "" : `answer ${rounded(truth)}`;
  const own = guess === undefined ? "" : `you ${inFull(guess)}`;
  // A label of the line stays away from those of the guess, above it, and of the answer, below it; on a telephone
  // each letter takes 2.4 % of the line.
  const covers = (at, words, place) => {
    const half = 1.2 * words.length;
    return words && Math.abs(place - clamp(at, half, 100 - half)) < half + 6;
  };
  const inner = low < 0 && high > 0 ? [0] : [];
  const part = 10 ** Math.floor(Math.log10(high - low));
  const fine = part * [0.1, 0.2, 0.5, 1].find(times => high - low <= 10 * times * part * (1 + SLACK));
  const tick = value => h("i", { class: "tick", style: `left: ${share(value)}%` });
  const ticks = multiples(fine, low, high).map(tick);
  const labels = [low, ...inner, high].map(value => {
    const near = [covers(share(guess), own, share(value)), covers(share(truth), answer, share(value))];
    const place = near[0] && near[1] ? "zero deep" : near[1] ? "zero" : "zero low";
    return mark(value, rounded(value), place, () => take(value));
  });
  if (own) labels.push(mark(guess, own, "guess"));
  else if (!answer) labels.push(mark((low + high) / 2, "pick a number on the line", "invite"));
  if (!answer) return h("div", { role: "img", "aria-label": "The scale" }, ticks, labels);
  const [from, to] = range.map(share);
  const band = h("i", { class: "close", style: `left: ${from}%; width: ${to - from}%` });
  const label = `Your guess ${inFull(guess)}, the right ${answer} ${unit}`.trim();
  return h("div", { role: "img", "aria-label": label }, band, ticks, labels, mark(truth, answer, "truth low"));
}

/** Round numbers around others, with room for the number at the end beyond the last mark. */
function around(values) {
  const shown = values.map(value => 1.35 * value);
  const step = 10 ** Math.floor(Math.log10(Math.max(...shown.map(Math.abs)) || 1)) / 2;
  return [step * Math.floor(Math.min(...shown) / step), step * Math.ceil(Math.max(...shown) / step)];
}

/** A number with three digits or as a whole number, as `rounded` in checks/questions.py writes it. */
function rounded(value) {
  const whole = Math.abs(value) >= 1000 || Number.isInteger(value);
  const text = whole ? Math.round(value).toLocaleString("en") : String(+value.toPrecision(3));
  return text.replace(/^-/, "−");
}

/** A guess with all its digits, as `in_full` in checks/questions.py writes it. */
function inFull(value) {
  return value.toLocaleString("en", { maximumFractionDigits: 6 }).replace(/^-/, "−");
}

/** The reply to a number, with the words of the file "answers"; the same as `reply` in checks/answers.py. */
function ofNumber({ unit, close, scale: ends }, known, given) {
  const guess = read(given, unit, known.truth);
  const { truth, beliefs } = known;
  const gap = guess - truth;
  const off = rounded(Math.abs(gap));
  const values = {
    said: `'${given}'`, answer: known.answer, guess: inFull(guess), hundredfold: inFull(guess * 100),
    off: `${off} ${inWords(unit, off)}`.trim(), way: gap > 0 ? "high" : "low",
    low: ends && inFull(ends[0]), high: ends && inFull(ends[1]),
  };
  const words = name => known.words[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
  if (Number.isNaN(guess)) return { state: "open", says: words("none") };
  const isShare = unit === "%" && guess > 0 && guess <= 1 && truth > 1 && !given.includes("%");
  if (isShare) return { state: "open", says: words("share") };
  if (!close && !Number.isInteger(guess)) return { state: "open", says: words("broken") };
  if (ends && !(guess >= ends[0] && guess <= ends[1])) return { state: "open", says: words("outside") };
  const isWithin = times => Math.abs(guess - truth) <= times * (close + SLACK);
  if (isWithin(1)) {
    const exact = rounded(guess) === rounded(truth);
    return { state: "right", says: `${words(exact ? "yes" : "near")} ${known.says}`, guess, truth };
  }
  const belief = beliefs.find(one => one.low <= guess && guess < one.high);
  const says = [words(isWithin(NEAR) ? "almost" : "no"), belief?.says, known.says].filter(Boolean).join(" ");
  return { state: "wrong", ...(isWithin(NEAR) ? { near: true } : {}), says, guess, truth };
}

/**
 * A number in the common notations of `parse_number` in checks/parsing.py: "about 5", "20 480", "1,000",
 * "12,5 %", "1/3". Of two possible readings, the one nearer to `near`; NaN if there is none.
 * @param {string} text
 * @param {string} unit may stand after the number
 * @param {number} near
 * @returns {number}
 */
export function read(text, unit, near) {
  const ending = unit.split(/ (?:an?|per) /).map(word => `${word.replace(/s$/, "")}s?`).join("(?: ?/ ?| (?:an?|per) )");
  const bare = text.replace(/\s+/g, " ").trim()
    .replace(/^(about|around|roughly|approximately|approx\.?|ca\.?|circa|[≈~=]) */i, "")
    .replace(/^[−‐-—-] ?/, "-")
    .replace(new RegExp(` ?${ending}\\.?$`, "i"), "");
  const digits = bare.replace(/ ?(%|per ?cent)$/i, "");
  if (digits !== bare && unit !== "%" && unit !== "points") return NaN;
  const apart = /^[+-]?\d{1,3}(( \d{3})+|(['’]\d{3})+)([.,]\d+)?$/.test(digits);
  const number = apart ? digits.replace(/[ '’]/g, "").replace(",", ".") : digits;
  const fraction = number.match(/^([+-]?\d+) ?[/⁄] ?([1-9]\d*)$/);
  if (fraction) return unit === "%" && !text.includes("%") ? NaN : fraction[1] / fraction[2];
  const swapped = number.replace(/[.,]/g, sign => (sign === "." ? "," : "."));
  const readings = [number, ...(apart ? [] : [swapped])].map(english).filter(Number.isFinite);
  return readings.sort((a, b) => Math.abs(a - near) - Math.abs(b - near))[0] ?? NaN;
}

/** Points before decimals; commas between thousands, or none. */
function english(text) {
  const grouped = /^[+-]?[1-9]\d{0,2}(,\d{2,3})*,\d{3}(\.\d*)?$/.test(text);
  return grouped || /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? +text.replaceAll(",", "") : NaN;
}
