// A training run with a bug beside healthy ones: drag a suspect to the symptom that reveals it, or press both.
import styles from "./bug_gallery.css";
import { h, svg, framed, binding } from "./ui.js";
import { segmented, button, roving } from "./controls.js";
import { afterLoading } from "./loading.js";
import { chart } from "./chart.js";
import { clamp, fixed, percent } from "./numbers.js";

const [STRIP, GREY, SLOT] = [120, 36, 13]; // widths of a strip, of the healthy range, and of guessing or 0 with ◆ on it
const [RUN, RIVAL] = [10.5, 20]; // how far down this run is drawn, and other bugs, so that none hides another
const TOP = [2.5, 4]; // least and largest end of the axis of the loss; ln 10 is 2.3
const HOW_TO_READ = "Grey: mean ± 3 standard deviations of ten healthy runs (other random seeds). Outside it, strips "
  + "are not to scale. Long tick: guessing (loss, accuracy) or 0 (gradient, weights).";
const WORTH = {
  "a sign": "other bugs move it there, too",
  "reveals it": "no other bug does",
  decides: "healthy here, which rules out the others",
};
const PRESS = "Press a suspect, then the row or chart that reveals it.";
const DRAG = " You can also drag it there.";
const ONCE = " Each bug occurs once: a number on a suspect is its case.";
const GRIP = "⠿";
const NEAR = 6; // pixels that a press may move before it is a drag
const LINES = [
  { part: "train", name: "training", colour: "c1", dash: "" },
  { part: "validation", name: "validation", colour: "c2", dash: "5 3" },
];

/**
 * @param {{model: any, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host
 * @returns {() => void}
 */
export function render(host) {
  return afterLoading(host, {
    name: "bug_gallery", label: "Gallery of bugs", styles, files: ["cases"],
    show: (model, { root, say }, [cases]) => gallery(root, model, say, JSON.parse(new TextDecoder().decode(cases))),
  });
}

/** The gallery, once its records are there. */
function gallery(root, model, say, records) {
  const draw = framed(show);
  const traits = ["case", "suspicion", "symptom", "tried", "solved", "told"];
  const state = binding(model, Object.fromEntries(traits.map(name => [name, draw])));
  const set = values => {
    state.set(values);
    draw();
  };
  const number = () => model.get("case");
  const shown = () => records.cases[number() - 1];
  const isSolved = () => model.get("solved").includes(number());
  const finished = () => [...new Set([...model.get("solved"), ...model.get("told")])];
  const isOpen = () => again === number() || (!isSolved() && !model.get("told").includes(number()));
  /** Tells the bug, or opens the case again; what was solved stays solved. */
  function giveUp() {
    const others = model.get("told").filter(each => each !== number());
    const told = isOpen() && !isSolved() ? [...others, number()] : others;
    const tried = isOpen() ? model.get("tried") : model.get("tried").map((names, k) => (k + 1 === number() ? [] : names));
    again = isOpen() ? 0 : number();
    evidence = [];
    set({ told, tried, suspicion: "", symptom: "" });
  }
  /** The next case that is open, else the next. */
  function following() {
    const after = numbers.map((_, k) => ((number() + k) % numbers.length) + 1);
    return after.find(each => !finished().includes(each)) ?? after[0];
  }
  const symptomOf = key => records.symptoms.find(symptom => symptom.key === key);
  /** @type {string[]} */
  let evidence = []; // the symptoms chosen so far for the suspect: together they may rule out all others
  let again = 0; // the case that is tried again
  let looked = ""; // the symptom under the pointer or with the focus

  const open = to => {
    evidence = [];
    again = 0;
    set({ case: to, suspicion: "", symptom: "" });
  };
  const numbers = records.cases.map((_, k) => ({ value: k + 1, text: `${k + 1}`, name: `Case ${k + 1}` }));
  const choice = segmented("Case", numbers, 1, open);
  const progress = h("span", { class: "cw-cap bg-progress" });
  const next = button("Next case", () => open(following()));
  const tell = h("button", { type: "button", class: "cw-button", onclick: event => event.detail < 2 && giveUp() }, "Tell me");

  const epochs = shown().curves.train_loss.length;
  const charts = [
    { what: "loss", y: { label: "Loss", digits: 2 } },
    { what: "accuracy", y: { label: "Accuracy", percent: true } },
  ].map(({ what, y }) => {
    const view = chart({ label: `${y.label} by epoch`, height: 148, x: { label: "epoch" }, y, hovered });
    view.set({ x: [1, epochs], y: [0, 1] });
    view.node.dataset.symptom = what;
    const range = h("span", { class: "cw-cap bg-healthy" });
    view.node.firstChild.append(range);
    let [x, y0] = [0, 0];
    view.node.addEventListener("pointerdown", event => {
      [x, y0] = [event.clientX, event.clientY];
    });
    view.node.addEventListener("click", event => {
      if (Math.hypot(event.clientX - x, event.clientY - y0) < NEAR) support(what);
    });
    view.node.addEventListener("keydown", event => event.key === "Enter" && support(what));
    return { what, range, ...view };
  });
  function hovered(epoch) {
    for (const { what, range, look } of charts) {
      look(epoch);
      const ends = LINES.map(({ part }) => {
        const [, ...both] = epoch ? records.healthy[`${part}_${what}`][epoch - 1] : [];
        const text = both.map(value => (what === "loss" ? fixed(value) : percent(value))).join("–").replace(" %–", "–");
        return h("span", { class: `bg-${part}` }, text);
      });
      range.replaceChildren(...(epoch ? ["healthy ", ...ends] : []));
    }
  }

  const rows = records.symptoms.map(symptom => {
    const row = symptomRow(symptom, () => {
      support(symptom.key);
      if (isOpen()) row.node.scrollIntoView({ block: "nearest" }); // clear of what sticks to both ends
    });
    return row;
  });
  for (const { key, node } of rows) {
    for (const event of ["pointerenter", "focus", "pointerleave", "blur"]) {
      node.addEventListener(event, () => {
        looked = ["pointerenter", "focus"].includes(event) ? key : "";
        draw();
      });
    }
  }
  const stripHead = h("span", { class: "bg-range" });
  const heads = h(
    "div", { class: "bg-row bg-names cw-cap", "aria-hidden": "true" },
    h("b", {}, "Symptom"), stripHead, h("span", { class: "bg-end" }, h("b", { class: "bg-value" }, "this run")),
  );
  const nodes = rows.map(row => row.node);
  const table = h("div", { role: "group", "aria-label": "Symptoms" }, heads, nodes);
  roving(table, nodes);

  const suspects = records.suspicions.map(name => {
    const mark = h("span", { class: "bg-mark", "aria-hidden": "true" });
    const properties = { type: "button", class: "bg-suspect", onclick: () => suspect(name) };
    const node = h("button", properties, mark, h("span", {}, whole(name)));
    return { name, node, mark };
  });
  const buttons = suspects.map(one => one.node);
  const list = h("div", { class: "bg-suspects", role: "group", "aria-label": "Suspects" }, buttons);
  roving(list, buttons);
  const endDrag = draggable(root, suspects, (name, key) => {
    if (isOpen()) answer(name, key);
  });

  const prompt = h("p", { class: "bg-prompt" });
  const more = h("p", { class: "cw-cap bg-more" });
  const reply = h("div", { class: "cw-foot bg-reply" });
  const tests = records.cases.map(({ bug, find }, k) => (
    h("tr", {}, h("td", {}, `${k + 1}`), h("th", { scope: "row" }, whole(bug)), h("td", {}, find.split(/(?<=\.) /)[0]))
  ));
  const head = ["Case", "Bug", "A quick test for it"].map(text => h("th", { scope: "col" }, text));
  const all = h("table", { class: "cw-table bg-all" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, tests));
  const legend = LINES.map(line => h("span", {}, h("i", { class: `bg-${line.part}` }), line.name));
  const main = h(
    "div", { class: "bg-main" },
    h("div", { class: "bg-charts" }, charts.map(view => view.node)),
    prompt,
    h("div", { class: "bg-seen" }, table, more),
    h("b", { class: "bg-head cw-cap", "aria-hidden": "true" }, "Suspect"),
    list,
    h("div", { class: "bg-actions" }, tell, next),
  );
  root.append(
    h(
      "div", { class: "cw-bar" },
      h("div", { class: "cw-field" }, h("span", { class: "cw-cap" }, "Case"), choice.node, progress),
      h("span", { class: "cw-cap bg-key" }, legend, h("span", {}, h("i", { class: "bg-shade" }), "ten healthy runs")),
    ),
    main,
    reply,
    all,
  );

  const isRight = () => model.get("suspicion") === shown().bug;
  const isAnswered = () => isOpen() && Boolean(model.get("suspicion") && model.get("symptom"));
  /** The right suspect, with a symptom that is a sign of a bug. */
  const isHalf = () => isAnswered() && isRight() && chosen().some(key => shown().readings[key].outside);
  /** The key of the symptom that rules the suspect out: one that was chosen, if it does. */
  function against() {
    if (!isAnswered() || isRight()) return "";
    const reasons = Object.keys(shown().replies[model.get("suspicion")]);
    const own = reasons.find(key => chosen().includes(key));
    return own ?? (chosen().some(key => shown().readings[key].outside) ? reasons[0] : "");
  }
  /** A suspect, right or wrong, with symptoms of healthy runs only: that confirms nothing. */
  const isVain = () => isAnswered() && !isHalf() && !against();

  function suspect(name) {
    if (!isOpen()) return;
    const [suspicion, key] = [model.get("suspicion"), model.get("symptom")];
    // A reply ends an attempt: evidence for the last suspicion need not be evidence for this one. Twice takes it back.
    answer(name === suspicion ? "" : name, suspicion ? "" : key);
  }
  function support(key) {
    if (!isOpen()) return;
    const [suspicion, last] = [model.get("suspicion"), model.get("symptom")];
    const goesOn = isHalf() || isVain();
    if (goesOn && chosen().includes(key)) {
      evidence = chosen().filter(each => each !== key);
      answer(suspicion, evidence.at(-1) ?? "");
    } else {
      answer(last && !goesOn ? "" : suspicion, key === last && !suspicion ? "" : key);
    }
  }
  root.addEventListener("keydown", event => {
    if (event.key === "Escape" && isOpen() && (model.get("suspicion") || model.get("symptom"))) answer("", "");
  });
  function answer(name, key) {
    const changed = { suspicion: name, symptom: key };
    const k = number() - 1;
    const goesOn = name === model.get("suspicion") && !against();
    evidence = name && key ? [...new Set([...(goesOn ? evidence : []), key])] : [];
    if (name === shown().bug && evidence.length && isProof(evidence)) {
      evidence = needed(evidence);
      again = 0;
      changed.symptom = evidence.at(-1);
      changed.solved = [...new Set([...model.get("solved"), number()])];
    }
    state.set(changed);
    if (against() && !model.get("tried")[k].includes(name)) {
      state.set({ tried: model.get("tried").map((names, i) => (i === k ? [...names, name] : names)) });
    }
    show();
    if (!isOpen()) for (const node of [reply, prompt]) node.scrollIntoView({ block: "nearest" });
    say(`${prompt.textContent} ${isOpen() ? "" : shown().because}`);
  }

  /** The symptoms chosen for the suspicion; Python or another view may have chosen one, too. */
  function chosen() {
    const key = model.get("symptom");
    return key && !evidence.includes(key) ? [key] : evidence;
  }
  /** The other bugs that all these symptoms fit. */
  function others(keys) {
    return keys.map(key => shown().alike[key]).reduce((all, names) => all.filter(name => names.includes(name)));
  }
  /** Whether symptoms reveal the bug of the case: one is outside the healthy range, and no other bug has all of them. */
  function isProof(keys) {
    return keys.some(each => shown().readings[each].outside) && !others(keys).length;
  }
  /** Without what a proof does not need. @param {string[]} keys */
  function needed(keys) {
    return keys.reduce((kept, spare) => {
      const rest = kept.filter(each => each !== spare);
      return isProof(rest) ? rest : kept;
    }, keys);
  }
  /** What proves the bug once the case is over: the symptoms chosen, else the fewest. */
  function proven() {
    if (isProof(chosen())) return chosen();
    const all = rows.map(row => row.key);
    const { tells } = shown();
    const one = [...tells, ...all].find(key => isProof([key]));
    return one ? [one] : needed(all.filter(key => tells.includes(key)));
  }
  /** The bugs that the symptoms of the right suspect leave. */
  function rivals() {
    return isHalf() ? others(chosen()) : [];
  }
  /** What a symptom was worth, once the case is over. */
  function worth(key) {
    const { readings } = shown();
    if (readings[key].outside) return isProof([key]) ? "reveals it" : "a sign";
    return proven().includes(key) ? "decides" : "";
  }

  function proof() {
    const keys = proven();
    const names = keys.map(key => symptomOf(key).name);
    const known = `these ${records.suspicions.length} bugs`;
    if (keys.length > 1) return `${listed(names.map(name => `“${name}”`))} together fit no other of ${known}.`;
    return `${names[0]}: ${shown().readings[keys[0]].where}. No other of ${known} moves it there.`;
  }

  /** The verdict, in bold, and what follows it or is asked. */
  function reaction() {
    const [suspicion, key] = [model.get("suspicion"), model.get("symptom")];
    const run = shown();
    if (!isOpen()) return [isSolved() ? `✓ Yes: ${run.bug}.` : `It is ${run.bug}.`, proof()];
    if (!suspicion && !key) {
      const strange = rows.map(row => run.readings[row.key]).filter(reading => reading.outside);
      const count = strange.length;
      const marks = strange.some(reading => reading.place === null) ? "◆, or × for NaN" : "◆";
      const outside = `${count} of ${rows.length} symptoms ${count === 1 ? "is" : "are"} outside the healthy range (${marks}).`;
      const isFirst = finished().every(k => k === number());
      return ["Which bug does this run have?", `${outside} ${PRESS}${isFirst ? "" : ONCE}`, isFirst ? DRAG : ""];
    }
    if (!key) return [`You suspect ${suspicion}.`, "Which symptom reveals it?"];
    if (!suspicion) return [`${symptomOf(key).name}: ${run.readings[key].text}.`, "Which bug would cause this?"];
    if (against()) return [`✗ Not this: ${suspicion}.`, run.replies[suspicion][against()]];
    if (isVain()) {
      return [`You suspect ${suspicion}.`, `${symptomOf(key).name}: ${run.readings[key].text}, as in healthy runs. Which symptom reveals a bug?`];
    }
    const [keys, left] = [chosen(), rivals()];
    const names = listed(left);
    const rules = left.every(name => model.get("tried")[number() - 1].includes(name)) ? "ruled" : "rules";
    const fits = keys.length > 1
      ? `Together, these symptoms still fit ${names}, too.`
      : `A sign, not a proof: with ${names}, too, it is ${run.readings[key].where}.`;
    return [`Right bug: ${suspicion}.`, `${fits} Which symptom ${rules} ${left.length > 1 ? "them" : "that"} out?`];
  }

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
    const told = model.get("told").length;
    progress.replaceChildren(
      h("span", { class: solved.length ? "bg-solved" : "" }, `${solved.length} solved`),
      h("span", { class: "bg-told" }, told ? `, ${told} told` : ""),
    );
    for (const { what, set: put } of charts) {
      const losses = LINES.flatMap(line => run.curves[`${line.part}_loss`]);
      const most = Math.ceil(2 * Math.max(...losses)) / 2;
      const top = what === "loss" ? clamp(most, TOP[0], TOP[1]) : 1;
      const lines = LINES.map(line => {
        const points = run.curves[`${line.part}_${what}`].map((value, k) => [k + 1, value ?? NaN]);
        return { ...line, points, ...cropped(points, top, line.colour) };
      });
      const isNumberless = lines.some(({ points }) => !Number.isFinite(points[0][1]));
      put({
        y: [0, top],
        dots: isNumberless
          ? [{ x: 1, y: top, colour: LINES[0].colour, label: "loss is NaN" }]
          : lines.flatMap(({ dots }) => dots),
        // One is read, all of it; the other is drawn, up to where it leaves the chart.
        series: lines.flatMap(({ drawn, dots, ...line }) => [
          { ...line, end: "", kind: "bg-read" }, { ...line, name: "", points: drawn },
        ]),
        bands: LINES.map(({ part, colour }) => ({ colour, points: records.healthy[`${part}_${what}`] })),
      });
    }
    const suspicion = model.get("suspicion");
    const wrong = against();
    const left = rivals().map(name => records.cases.find(one => one.bug === name));
    const sides = ["low", "healthy", "high"].map(side => h("span", {}, side));
    stripHead.replaceChildren(...(left.length ? [`◇ other bug${left.length > 1 ? "s" : ""}`] : sides));
    for (const row of rows) {
      const isChosen = (isUnsolved ? chosen() : proven()).includes(row.key);
      const own = (wrong || isVain()) && isChosen ? (run.readings[row.key].outside ? "outside" : "healthy") : "";
      const half = isHalf() && isChosen && run.readings[row.key].outside ? "a sign" : own;
      const note = !isUnsolved ? worth(row.key) : row.key === wrong ? "rules it out" : half;
      // Of two symptoms, the one that rules the suspect out is framed, in its own colour.
      const isFramed = isChosen && (!wrong || wrong === row.key);
      const compared = isChosen || row.key === looked ? left.map(one => one.readings[row.key]) : [];
      row.set(run.readings[row.key], isFramed, note, compared);
    }
    for (const { name, node, mark } of suspects) {
      const isOut = model.get("tried")[number() - 1].includes(name);
      const isIt = name === run.bug && (!isUnsolved || isHalf());
      const elsewhere = finished().find(k => k !== number() && records.cases[k - 1].bug === name);
      mark.textContent = isIt ? "✓" : isOut ? "✗" : elsewhere ?? (isUnsolved ? GRIP : "");
      node.dataset.is = isIt ? "right" : isOut ? "out" : elsewhere ? "found" : "";
      node.setAttribute("aria-pressed", isIt || (isUnsolved && name === suspicion));
      node.setAttribute("aria-disabled", !isUnsolved);
      const words = isIt ? ", right" : isOut ? ", ruled out" : elsewhere ? `, bug of case ${elsewhere}` : "";
      node.setAttribute("aria-label", `${name}${words}`);
    }
    tell.textContent = isUnsolved ? "Tell me" : "Try again";
    const isDone = finished().length === numbers.length;
    next.classList.toggle("cw-main", !isUnsolved && !isDone);
    all.hidden = isUnsolved || !isDone;
    const [verdict, rest, drag = ""] = reaction();
    const kind = (isSolved() && !isUnsolved) || isHalf() ? "good" : wrong ? "bad" : "";
    prompt.replaceChildren(h("b", { class: kind }, verdict), ` ${rest}`, h("span", { class: "bg-drag" }, drag));
    main.dataset.is = isUnsolved ? (suspicion && !isAnswered() ? "asking" : "") : "over";
    main.classList.toggle("bg-armed", !isUnsolved || Boolean(suspicion && !wrong));
    const said = left.map(one => ` ◇ ${whole(one.bug)}: ${one.readings[looked]?.text}.`).join("");
    const notes = Object.keys(WORTH).filter(note => rows.some(({ key }) => worth(key) === note));
    const how = isUnsolved ? HOW_TO_READ : `${notes.map(note => `${note}: ${WORTH[note]}`).join("; ")}.`;
    const hint = left.length ? `Point at a row: ◇ is where ${listed(rivals())} would be.` : how;
    more.classList.toggle("bg-looked", Boolean(looked));
    more.textContent = looked ? `${run.readings[looked].more} Healthy range: ${symptomOf(looked).range}.${said}` : hint;
    reply.hidden = isUnsolved;
    if (isUnsolved) return;
    const lines = run.changes.map(([sign, text]) => h("span", { "data-sign": sign }, `${sign} ${text}\n`));
    reply.replaceChildren(
      h("p", {}, h("b", {}, "Why: "), run.because),
      h("p", {}, h("b", {}, "How to find it: "), run.find),
      h("p", { class: "cw-cap" }, "− as it ran, + fixed"),
      h("pre", { class: "bg-code", tabindex: 0, "aria-label": "The lines with the bug, and the fixed lines" }, lines),
    );
  }

  show();
  return {
    recolour() {},
    close() {
      state.close();
      endDrag();
      for (const view of charts) view.close();
    },
  };
}

/** A line up to where it leaves the top of a chart, with an arrow there, and dots for what comes back later. */
function cropped(points, top, colour) {
  const k = points.findIndex(point => point[1] > top);
  if (k < 0) return { drawn: points, dots: [] };
  const [[a, b], [x, y]] = [points[k - 1] ?? points[k], points[k]];
  const exit = [k ? a + ((x - a) * (top - b)) / (y - b) : x, top];
  const back = points.slice(k).filter(point => point[1] <= top).map(([at, value]) => ({ x: at, y: value, colour }));
  const arrow = { x: exit[0], y: top, colour: `${colour} bg-exit` };
  return { drawn: [...points.slice(0, k), exit], dots: [arrow, ...back] };
}

/** A name that is not broken within "÷ 100" or "− batch". @param {string} name */
const whole = name => name.replace(/([×÷−]) /, "$1\u00a0");

/** Names in a sentence. @param {string[]} names */
function listed(names) {
  const last = whole(names.at(-1));
  return names.length > 1 ? `${names.slice(0, -1).map(whole).join(", ")} and ${last}` : last;
}

/** A symptom as a button: its name, where the healthy runs and this run are, and the number. */
function symptomRow(symptom, pressed) {
  const scale = strip(symptom);
  const value = h("span", { class: "bg-value" });
  const note = h("span", { class: "bg-note cw-cap" });
  const node = h(
    "button", { type: "button", class: "bg-row", "data-symptom": symptom.key, onclick: pressed },
    h("span", {}, whole(symptom.name)), scale.node, h("span", { class: "bg-end" }, value, note),
  );
  return {
    key: symptom.key,
    node,
    /** @param {any} reading @param {boolean} isChosen @param {string} words @param {any[]} others of bugs that remain */
    set(reading, isChosen, words, others) {
      scale.set(reading, others);
      value.textContent = reading.text;
      node.dataset.outside = reading.outside;
      node.dataset.note = words;
      note.textContent = words;
      node.setAttribute("aria-pressed", isChosen);
      const label = `${symptom.name}: ${reading.text}, ${reading.outside ? "outside" : "inside"} the healthy range of ${symptom.range}`;
      node.setAttribute("aria-label", words ? `${label}; ${words}` : label);
    },
  };
}

/** The scale of a symptom, cut into its places, with this run and the bugs that remain. */
function strip({ places, alike }) {
  const ends = cut(places, alike ? 6 : GREY); // a single number has no width
  const [grey, end] = ends[places.indexOf("healthy")];
  const parts = places.flatMap((kind, k) => {
    const [from, to] = ends[k];
    const middle = (from + to) / 2;
    if (kind === "mark") return svg("line", { class: "bg-level", x1: middle, x2: middle, y1: 0, y2: 21 });
    const line = svg("line", { class: "bg-axis", x1: from, x2: to, y1: 10.5, y2: 10.5 });
    return kind === places[k + 1] ? [line, svg("line", { class: "bg-axis", x1: to, x2: to, y1: 6, y2: 15 })] : line;
  });
  const x = (place, share) => {
    const [from, to] = ends[place];
    const rim = places[place] === "healthy" ? 0 : Math.min(7, (to - from) / 2); // ◆ stays in its place
    return from + rim + share * (to - from - 2 * rim);
  };
  const [rival, run] = [svg("path", { class: "bg-rival" }), svg("path")];
  const node = svg(
    "svg", { viewBox: `0 0 ${STRIP} 21`, "aria-hidden": "true" },
    ...parts,
    svg("rect", { class: "bg-band", x: grey, width: end - grey, y: 1, height: 19, rx: 3 }),
    rival, run,
  );
  return {
    node,
    /** @param {any} reading @param {any[]} others of bugs, below it; NaN has no place */
    set({ place, share, outside }, others) {
      const drawn = others.filter(one => one.place !== null);
      rival.setAttribute("d", drawn.map(one => diamond(x(one.place, one.share), RIVAL, 4)).join(""));
      run.setAttribute("class", place === null ? "bg-nan" : outside ? "bg-out" : "bg-in");
      const mark = outside ? diamond : ring;
      run.setAttribute("d", place === null ? cross(STRIP - 6, RUN, 5) : mark(x(place, share), RUN, outside ? 6.5 : 5));
    },
  };
}

/** Where each place begins and ends: the healthy range in the middle, and the rest of a side in equal parts. */
function cut(places, grey) {
  const middle = places.indexOf("healthy");
  const side = (STRIP - grey) / 2;
  return places.map((kind, k) => {
    if (k === middle) return [side, side + grey];
    const isLeft = k < middle;
    const part = isLeft ? places.slice(0, middle) : places.slice(middle + 1);
    const slots = part.filter(each => each === "mark").length;
    const wide = (side - slots * SLOT) / (part.length - slots);
    const width = each => (each === "mark" ? SLOT : wide);
    const before = part.slice(0, isLeft ? k : k - middle - 1).reduce((sum, each) => sum + width(each), 0);
    const from = before + (isLeft ? 0 : side + grey);
    return [from, from + width(kind)];
  });
}

const diamond = (x, y, r) => `M${x} ${y - r}l${r} ${r}-${r} ${r}-${r}-${r}z`;
const cross = (x, y, r) => `M${x - r} ${y - r}l${2 * r} ${2 * r}m0-${2 * r}l-${2 * r} ${2 * r}`;
const ring = (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0-${2 * r} 0z`;

/** Lets suspects be dragged to symptoms; where a drag scrolls the page instead, pressing still works. */
function draggable(root, suspects, dropped) {
  /** @type {{name: string, x: number, y: number, ghost: any, over: any} | null} */
  let drag = null;
  let wasDragged = false;
  const begin = () => {
    wasDragged = true;
    drag.ghost = h("div", { class: "bg-suspect bg-ghost", "aria-hidden": "true" }, drag.name);
    root.append(drag.ghost);
    document.addEventListener("keydown", cancel, true);
  };
  const cancel = event => {
    if (event.key !== "Escape") return;
    event.stopPropagation(); // it ends the drag, and takes no answer back
    end(event);
  };
  const move = event => {
    if (!drag) return;
    if (!drag.ghost && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < NEAR) return;
    if (!drag.ghost) begin();
    const box = root.getBoundingClientRect();
    const left = Math.min(event.clientX - box.left + 8, box.width - drag.ghost.offsetWidth); // all of it is seen
    drag.ghost.style.transform = `translate(${left}px, ${event.clientY - box.top - 16}px)`;
    const under = root.getRootNode().elementFromPoint(event.clientX, event.clientY)?.closest("[data-symptom]");
    drag.over?.classList.remove("over");
    under?.classList.add("over");
    drag.over = under;
  };
  const end = event => {
    if (!drag) return;
    const { name, ghost, over } = drag;
    drag = null;
    document.removeEventListener("keydown", cancel, true);
    ghost?.remove();
    over?.classList.remove("over");
    if (ghost && over && event.type === "pointerup") dropped(name, over.dataset.symptom);
  };
  for (const { name, node } of suspects) {
    node.addEventListener("pointerdown", event => {
      if (event.button) return;
      wasDragged = false;
      drag = { name, x: event.clientX, y: event.clientY, ghost: null, over: null };
      node.setPointerCapture(event.pointerId);
    });
    // The end of a drag is a click on the suspect, too: the pointer is captured.
    const swallow = event => wasDragged && event.detail && event.stopImmediatePropagation();
    node.addEventListener("click", swallow, { capture: true });
    node.addEventListener("pointermove", move);
    for (const kind of ["pointerup", "pointercancel"]) node.addEventListener(kind, end);
  }
  return () => end({ type: "pointercancel" });
}
