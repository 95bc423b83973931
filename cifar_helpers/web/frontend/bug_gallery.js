// A training run with a bug beside healthy ones: drag a suspect to the symptom that shows it, or press both.
import styles from "./bug_gallery.css";
import { h, svg, mount, framed, binding, loader } from "./ui.js";
import { segmented, button, roving } from "./controls.js";
import { chart } from "./chart.js";

const STRIP = 132;
const TOP = 4; // largest loss that the chart shows; ln 10 is 2.3
const HOW_TO_READ = "Grey: ten healthy runs that differ only in their random seed; in the table, their mean ± 3 "
  + "standard deviations. Point at a symptom to see what was measured.";
const NEAR = 6; // pixels that a press may move before it is a drag

/**
 * @param {{model: any, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host
 * @returns {() => void}
 */
export function render({ model, el, load }) {
  const { root, say, close } = mount(el, "bug_gallery", "Gallery of bugs", styles, () => {});
  const closing = [close];
  let isClosed = false; // the records may come after the widget is gone
  const get = load ?? loader(model);
  get("cases").then(bytes => {
    if (isClosed) return;
    closing.push(gallery(root, model, say, JSON.parse(new TextDecoder().decode(bytes))));
  });
  return () => {
    isClosed = true;
    for (const end of closing) end();
  };
}

/** The gallery, once its records are there. */
function gallery(root, model, say, records) {
  const draw = framed(show);
  const state = binding(model, {
    case: draw, suspicion: draw, symptom: draw, tried: draw, solved: draw, told: draw,
  });
  const set = values => {
    state.set(values);
    draw();
  };
  const number = () => model.get("case");
  const shown = () => records.cases[number() - 1];
  const isSolved = () => model.get("solved").includes(number());
  const isOpen = () => !isSolved() && !model.get("told").includes(number());
  let looked = ""; // the symptom under the pointer or with the focus

  const open = to => set({ case: to, suspicion: "", symptom: "" });
  const numbers = records.cases.map((_, k) => ({ value: k + 1, text: `${k + 1}`, name: `Case ${k + 1}` }));
  const choice = segmented("Case", numbers, 1, open);
  const progress = h("span", { class: "cw-cap bg-progress" });
  const next = button("Next case", () => open((number() % records.cases.length) + 1));

  const epochs = shown().curves.train_loss.map((_, k) => k + 1);
  const charts = [
    { what: "loss", y: { label: "Loss", digits: 2 }, ends: [0, TOP] },
    { what: "accuracy", y: { label: "Accuracy", percent: true }, ends: [0, 1] },
  ].map(({ what, y, ends }) => {
    const view = chart({ label: `${y.label} by epoch`, height: 144, x: { label: "epoch" }, y, hovered, say });
    view.set({ x: [1, epochs.length], y: ends });
    view.node.dataset.symptom = what;
    const none = h("div", { class: "bg-none cw-cap" }, "not a number (NaN)");
    view.node.append(none);
    return { what, none, ...view };
  });
  function hovered(epoch) {
    for (const view of charts) view.look(epoch);
  }

  const rows = records.symptoms.map(symptom => symptomRow(symptom, () => support(symptom.key)));
  for (const row of rows) {
    const look = key => () => {
      looked = key;
      draw();
    };
    for (const event of ["pointerenter", "focus"]) row.node.addEventListener(event, look(row.key));
    for (const event of ["pointerleave", "blur"]) row.node.addEventListener(event, look(""));
  }
  const table = h(
    "div", { class: "bg-table", role: "group", "aria-label": "Symptoms" },
    h(
      "div", { class: "bg-row bg-names cw-cap", "aria-hidden": "true" },
      h("b", {}, "Symptom"),
      h("span", { class: "bg-range" }, ...["lower", "healthy", "higher"].map(word => h("span", {}, word))),
      h("b", { class: "bg-value" }, "this run"),
    ),
    rows.map(row => row.node),
  );
  roving(table, rows.map(row => row.node));

  const suspects = records.suspicions.map(name => {
    const mark = h("span", { class: "bg-mark" });
    const node = h(
      "button", { type: "button", class: "bg-suspect", onclick: () => suspect(name) },
      h("span", { class: "bg-grip", "aria-hidden": "true" }, "⠿"), h("span", {}, name), mark,
    );
    return { name, node, mark };
  });
  const buttons = suspects.map(one => one.node);
  const list = h("div", { class: "bg-suspects", role: "group", "aria-label": "Suspects" }, buttons);
  roving(list, buttons);
  const tell = button("Tell me", () => set({ told: [...model.get("told"), number()], suspicion: "", symptom: "" }));
  const endDrag = draggable(root, suspects, (name, key) => {
    if (isOpen()) answer(name, key);
  });

  const prompt = h("p", { class: "cw-cap bg-prompt" });
  const more = h("p", { class: "cw-cap bg-more" });
  const reply = h("div", { class: "cw-foot bg-reply" });
  root.append(
    h(
      "div", { class: "cw-bar" },
      h("div", { class: "cw-field" }, h("span", { class: "cw-cap" }, "Case"), choice.node),
      h("span", { class: "cw-cap bg-key" }, h("i", {}), "ten healthy runs"),
      progress,
    ),
    h(
      "div", { class: "bg-main" },
      h("div", {}, h("div", { class: "bg-charts" }, charts.map(view => view.node)), table, more),
      h(
        "div", { class: "bg-side" },
        h("div", { class: "cw-cap" }, h("b", {}, "Which bug is it?")),
        prompt,
        list,
        h("div", { class: "bg-actions" }, tell, next),
      ),
    ),
    reply,
  );

  function suspect(name) {
    if (!isOpen()) return;
    // A reply ends an attempt: what supported the last suspicion need not support this one.
    const isFresh = !model.get("suspicion");
    answer(name, isFresh ? model.get("symptom") : "");
  }
  function support(key) {
    if (isOpen()) answer(model.get("symptom") ? "" : model.get("suspicion"), key);
  }
  function answer(name, key) {
    const changed = { suspicion: name, symptom: key };
    const k = number() - 1;
    if (name && key && name === shown().bug) {
      changed.solved = [...model.get("solved"), number()];
    } else if (name && key && !model.get("tried")[k].includes(name)) {
      changed.tried = model.get("tried").map((names, i) => (i === k ? [...names, name] : names));
    }
    set(changed);
    say(verdict().join(" ") || asked());
  }

  /** What the reader is asked to do next. */
  function asked() {
    const [suspicion, key] = [model.get("suspicion"), model.get("symptom")];
    if (!isOpen()) return "This case is closed. Its code and what to look for are below.";
    if (!suspicion === !key) return "Drag a suspect to the symptom that shows it, or press one, then the other.";
    if (suspicion) return `You suspect ${suspicion}. Which symptom shows it? Press that one.`;
    return `${symptomOf(key).name}: ${shown().readings[key].text}. Which bug would do this? Press a suspect.`;
  }

  /** The verdict, and what follows it; nothing before there is one. */
  function verdict() {
    const [suspicion, key] = [model.get("suspicion"), model.get("symptom")];
    const run = shown();
    if (!isOpen()) {
      const first = isSolved() ? `✓ Yes: ${run.bug}.` : `It is ${run.bug}.`;
      return [first, suspicion && key ? comment(key) : "", run.because].filter(Boolean);
    }
    if (!suspicion || !key) return [];
    return [`✗ Not this: ${suspicion}.`, run.replies[suspicion].says.replace(/^.*?\. /, "")];
  }

  /** What to say of a symptom that was chosen for the right bug but does not tell it. */
  function comment(key) {
    const run = shown();
    const reading = run.readings[key];
    if (run.tells.includes(key) && reading.outside) return "";
    const why = reading.outside ? "other bugs move it out of the healthy range, too" : "it is within the healthy range";
    return `The symptom that you chose does not show it, though: ${why}.`;
  }

  const symptomOf = key => records.symptoms.find(symptom => symptom.key === key);

  function show() {
    const run = shown();
    const isUnsolved = isOpen();
    const solved = model.get("solved");
    choice.set(number());
    choice.buttons.forEach((node, k) => {
      const done = solved.includes(k + 1) ? "solved" : model.get("told").includes(k + 1) ? "told" : "";
      node.dataset.done = done;
      node.setAttribute("aria-label", `Case ${k + 1}${done ? `, ${done}` : ""}`);
    });
    progress.textContent = `${solved.length} of ${records.cases.length} bugs named`;
    for (const { what, none, set: put } of charts) {
      none.hidden = run.curves[`train_${what}`].some(value => value !== null);
      const line = (part, colour, dash) => ({
        name: part === "train" ? "training" : part,
        colour,
        dash,
        points: run.curves[`${part}_${what}`].map((value, k) => [k + 1, value ?? NaN]),
      });
      const bands = [{ colour: "ghost", points: records.healthy[what] }];
      put({ series: [line("train", "c2", "5 3"), line("validation", "c1")], bands });
    }
    const suspicion = model.get("suspicion");
    const wrong = isUnsolved && suspicion && model.get("symptom") ? run.replies[suspicion].against : "";
    for (const row of rows) {
      const reading = run.readings[row.key];
      const isTelling = !isUnsolved && run.tells.includes(row.key) && reading.outside;
      const note = isTelling ? "shows it" : row.key === wrong ? "rules it out" : "";
      row.set(reading, row.key === model.get("symptom"), note);
    }
    for (const { name, node, mark } of suspects) {
      const isOut = model.get("tried")[number() - 1].includes(name);
      const isIt = !isUnsolved && name === run.bug;
      mark.textContent = isIt ? "✓" : isOut ? "✗" : "";
      node.dataset.is = isIt ? "right" : isOut ? "out" : "";
      node.setAttribute("aria-pressed", isIt || (isUnsolved && name === suspicion));
      node.setAttribute("aria-label", `${name}${isIt ? ", right" : isOut ? ", ruled out" : ""}`);
    }
    tell.disabled = !isUnsolved;
    next.classList.toggle("cw-main", !isUnsolved);
    prompt.textContent = asked();
    more.textContent = looked ? `${run.readings[looked].more} Healthy range: ${symptomOf(looked).range}.` : HOW_TO_READ;
    showReply(run, isUnsolved);
  }

  function showReply(run, isUnsolved) {
    const [first, ...rest] = verdict();
    reply.hidden = !first;
    const kind = isUnsolved ? "bad" : isSolved() ? "good" : "";
    reply.replaceChildren(h("p", {}, h("b", { class: kind }, first), ` ${rest.join(" ")}`));
    if (isUnsolved) return;
    const lines = run.changes.map(([sign, text]) => h("span", { "data-sign": sign }, `${sign} ${text}\n`));
    reply.append(
      h("p", {}, h("b", {}, "How to find it: "), run.find),
      h("pre", { class: "bg-code", tabindex: 0, "aria-label": "The wrong lines, and the right ones" }, lines),
    );
  }

  show();
  return () => {
    state.close();
    endDrag();
    for (const view of charts) view.close();
  };
}

/** A symptom as a button: its name, where the healthy runs and this run are, and the number. */
function symptomRow(symptom, pressed) {
  const place = svg("g", { class: "bg-here" });
  const strip = svg(
    "svg", { viewBox: `0 0 ${STRIP} 20`, "aria-hidden": "true" },
    svg("line", { class: "bg-axis", x1: 2, x2: STRIP - 2, y1: 10, y2: 10 }),
    svg("rect", { class: "bg-band", x: across(-1), width: across(1) - across(-1), y: 2, height: 16, rx: 3 }),
    ...symptom.healthy.map(at => svg("line", { class: "bg-tick", x1: across(at), x2: across(at), y1: 5, y2: 15 })),
    place,
  );
  const value = h("span", { class: "bg-value" });
  const note = h("span", { class: "bg-note cw-cap" });
  const node = h(
    "button", { type: "button", class: "bg-row", "data-symptom": symptom.key, onclick: pressed },
    h("span", { class: "bg-name" }, symptom.name, note), strip, value,
  );
  return {
    key: symptom.key,
    node,
    set(reading, isChosen, words) {
      const x = across(reading.at ?? 99);
      const isNumber = reading.at !== null;
      const cross = `M${x - 5} 5l10 10m0-10l-10 10`;
      const ring = `M${x - 5} 10a5 5 0 1 0 10 0a5 5 0 1 0-10 0z`;
      const diamond = `M${x} 3l7 7-7 7-7-7z`;
      const [kind, shape] = !isNumber ? ["none", cross] : reading.outside ? ["out", diamond] : ["in", ring];
      place.replaceChildren(svg("path", { class: kind, d: shape }));
      const side = kind === "in" ? "inside" : "outside";
      value.textContent = reading.text;
      node.dataset.outside = reading.outside;
      node.dataset.note = words;
      note.textContent = words;
      node.setAttribute("aria-pressed", isChosen);
      const label = `${symptom.name}: ${reading.text}, ${side} the healthy range of ${symptom.range}`;
      node.setAttribute("aria-label", words ? `${label}; ${words}` : label);
    },
  };
}

/** The pixel of a distance from the healthy mean: the range has the middle third, and all beyond it the rest. */
function across(distance) {
  const far = Math.abs(distance);
  const share = far <= 1 ? far / 6 : 1 / 6 + (0.97 - 1 / far) / 3.2;
  return Math.round((0.5 + Math.sign(distance) * share) * STRIP * 10) / 10;
}

/** Suspects can be dragged to symptoms; where the browser scrolls instead, the press alone is left. */
function draggable(root, suspects, dropped) {
  /** @type {{name: string, node: any, x: number, y: number, ghost: any, over: any} | null} */
  let drag = null;
  let wasDragged = false;
  const under = event => {
    const found = root.getRootNode().elementFromPoint(event.clientX, event.clientY);
    return found?.closest?.("[data-symptom]") ?? null;
  };
  const begin = () => {
    wasDragged = true;
    drag.ghost = h("div", { class: "bg-suspect bg-ghost", "aria-hidden": "true" }, drag.name);
    root.append(drag.ghost);
  };
  const move = event => {
    if (!drag) return;
    if (!drag.ghost && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < NEAR) return;
    if (!drag.ghost) begin();
    const box = root.getBoundingClientRect();
    drag.ghost.style.transform = `translate(${event.clientX - box.left + 8}px, ${event.clientY - box.top - 16}px)`;
    const over = under(event);
    if (over === drag.over) return;
    drag.over?.classList.remove("over");
    over?.classList.add("over");
    drag.over = over;
  };
  const end = event => {
    if (!drag) return;
    const { name, ghost, over } = drag;
    drag = null;
    ghost?.remove();
    over?.classList.remove("over");
    if (ghost && over && event.type === "pointerup") dropped(name, over.dataset.symptom);
  };
  for (const { name, node } of suspects) {
    node.addEventListener("pointerdown", event => {
      if (event.button) return;
      wasDragged = false;
      drag = { name, node, x: event.clientX, y: event.clientY, ghost: null, over: null };
      node.setPointerCapture(event.pointerId);
    });
    // The end of a drag is a click on the suspect, too: the pointer is captured.
    const swallow = event => wasDragged && event.detail && event.stopImmediatePropagation();
    node.addEventListener("click", swallow, { capture: true });
    node.addEventListener("pointermove", move);
    node.addEventListener("pointerup", end);
    node.addEventListener("pointercancel", end);
  }
  return () => drag?.ghost?.remove();
}
