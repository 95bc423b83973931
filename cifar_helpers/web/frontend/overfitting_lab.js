// Recorded training runs around one base: choose, compare, and drag the patience of early stopping along the curve.
import styles from "./overfitting_lab.css";
import { h, mount, framed, binding } from "./ui.js";
import { segmented, button } from "./controls.js";
import { fixed, percent } from "./numbers.js";
import { chart } from "./chart.js";

const EPOCHS = 30;
const PATIENCE = Array.from({ length: 15 }, (_, k) => k + 1);
const PINS = [{ letter: "A", colour: "c3" }, { letter: "B", colour: "c5" }, { letter: "C", colour: "c6" }];
const DASH = "5 3"; // validation, in every colour
// Both axes stay, so that the curves move when a setting is changed and not the numbers beside them.
const LOSS = [0, 2.5];
const ACCURACY = [0.2, 1];
const BASE = { dropout: 0.25, augmentation: "flip", weight_decay: 0, images: 10000, width: 1, wrong_labels: 0 };
const ALL = { dropout: 0.5, augmentation: "flip + shift", weight_decay: 0.0005 };
const CORNERS = [
  { text: "base", changed: {} },
  { text: "no remedies", changed: { dropout: 0, augmentation: "none" } },
  { text: "all remedies", changed: ALL },
  { text: "all, 2,000 images", changed: { ...ALL, images: 2000 } },
  { text: "all, 20 % wrong labels", changed: { ...ALL, wrong_labels: 0.2 } },
];

/**
 * After which epoch early stopping ends a run, and which epoch it keeps.
 * @param {number[]} losses validation losses
 * @param {number} patience
 * @returns {{stopped: number, kept: number}} counted from 1
 */
export function earlyStop(losses, patience) {
  let kept = 0;
  for (let epoch = 1; epoch <= losses.length; epoch++) {
    if (kept === 0 || losses[epoch - 1] < losses[kept - 1]) kept = epoch;
    if (epoch - kept >= patience) return { stopped: epoch, kept };
  }
  return { stopped: losses.length, kept };
}

/** @param {{model: any, el: HTMLElement}} host */
export function render({ model, el }) {
  const draw = framed(redraw);
  const { root, say, close } = mount(el, "overfitting_lab", "The laboratory of overfitting", styles, draw);
  const heard = ["settings", "patience", "pinned", "trained", "status", "records"];
  const bound = binding(model, Object.fromEntries(heard.map(name => [name, draw])));
  const options = model.get("options");
  const keyOf = settings => options.map(option => settings[option.name]).join("|");
  const records = new Map(model.get("records").map(record => [keyOf(record.settings), record.runs]));

  // The settings
  const choose = settings => {
    bound.set({ settings });
    draw();
    say(sentence());
  };
  const fields = options.map(option => ({
    option,
    control: segmented(option.label, option.values, null, value => {
      choose({ ...model.get("settings"), [option.name]: value });
    }),
  }));
  const corners = CORNERS.map(({ text, changed }) => {
    const settings = { ...BASE, ...changed };
    return { settings, node: h("button", { type: "button", class: "cw-chip", onclick: () => choose(settings) }, text) };
  });
  const legend = h("span", { class: "cw-cap" }, h("i", { class: "ol-mark" }), " recorded");

  // The charts
  const marker = {
    label: "Patience of early stopping, in epochs",
    moved: patience => {
      bound.set({ patience });
      draw();
    },
    text: patience => `patience ${patience}`,
  };
  const loss = chart({
    label: "Loss by epoch", x: { label: "epoch" }, y: { label: "Loss", digits: 2 }, height: 226, marker, say,
    hovered: x => accuracy.look(x),
  });
  const accuracy = chart({
    label: "Accuracy by epoch", x: { label: "epoch" }, y: { label: "Accuracy", percent: true }, height: 226, say,
    hovered: x => loss.look(x),
  });

  // What the curves come to
  const lead = h("p", { class: "cw-lead ol-lead" });
  const table = h("tbody");
  const head = (text, k) => h("th", { scope: "col" }, text, k ? h("span", { class: "ol-less" }) : null);
  const figures = h(
    "table", { class: "ol-table" },
    h("thead", {}, h("tr", {}, ["Run", "Training", "Validation", "Gap", "Best epoch"].map(head), h("td"))),
    table,
  );
  const train = button("Train this combination now", () => model.send({ type: "train" }));
  const stop = button("Stop", () => model.send({ type: "stop" }));
  const state = h("span", { class: "cw-cap ol-state", role: "status" });
  const foot = h("div", { class: "cw-foot" }, state, h("span", { class: "ol-buttons" }, train, stop));

  const rows = fields.map(({ option, control }) => {
    const words = h("span", { class: "cw-cap", "aria-hidden": "true" }, capital(option.label));
    return h("div", { class: "ol-field" }, words, control.node);
  });
  const chips = corners.map(corner => corner.node);
  root.append(
    h("div", { class: "ol-fields" }, rows),
    h("div", { class: "ol-corners", role: "group", "aria-label": "Recorded combinations" }, chips, legend),
    h("div", { class: "ol-charts" }, loss.node, accuracy.node),
    lead,
    figures,
    foot,
  );

  /** The run that is trained now or was, with these settings. */
  const trainedAs = key =>
    model.get("trained").find(run => keyOf(run.settings) === key && run.runs[0].train_loss.length);

  const runsOf = key => records.get(key) ?? trainedAs(key)?.runs;

  function shown() {
    const settings = model.get("settings");
    const key = keyOf(settings);
    return { settings, key, record: records.get(key), now: trainedAs(key)?.runs, runs: runsOf(key) };
  }

  function redraw() {
    const { settings, key, record, now, runs } = shown();
    const near = runs ? null : nearest(settings);
    for (const { option, control } of fields) {
      control.set(settings[option.name]);
      option.values.forEach(({ value, text }, k) => {
        const known = records.has(keyOf({ ...settings, [option.name]: value }));
        control.buttons[k].classList.toggle("ol-known", known);
        control.buttons[k].setAttribute("aria-label", known ? text : `${text}, not recorded`);
      });
    }
    for (const corner of corners) corner.node.setAttribute("aria-pressed", String(keyOf(corner.settings) === key));

    const patience = model.get("patience");
    const first = runs?.[0].validation_loss;
    const { stopped, kept } = first ? earlyStop(first, patience) : { stopped: 0, kept: 0 };
    const pins = model.get("pinned").map((pin, k) => ({ ...PINS[k], settings: pin, runs: runsOf(keyOf(pin)) }));
    for (const [part, view, y] of [["loss", loss, LOSS], ["accuracy", accuracy, ACCURACY]]) {
      const series = [
        ...(near ? lines("nearest recorded", ["ghost", "ghost"], part, records.get(keyOf(near)), "nearest") : []),
        ...pins.flatMap(({ letter, colour, runs: its }) =>
          its ? lines(letter, [colour, colour], part, its.slice(0, 1), letter) : []),
        ...(runs ? lines("", ["c1", "c2"], part, runs) : []),
        ...(record && now ? lines("now,", ["c4", "c4"], part, now, "now") : []),
        ...(runs && part === "loss" ? [bestOf(runs[0])] : []),
      ];
      const rules = first ? [{ x: kept, label: `keeps ${kept}` }] : [];
      if (part === "accuracy" && first && stopped < first.length) rules.push({ x: stopped, label: `stops ${stopped}` });
      const waited = { colour: "c2", points: [[kept, ...LOSS], [stopped, ...LOSS]] };
      const bands = part === "loss" ? [waited] : [gapBand(runs ?? [])];
      view.set({ series, x: [0, EPOCHS], y, rules, bands: first ? bands : [] });
    }
    loss.set({
      marker: first ? patience : null,
      stops: first ? PATIENCE.map(value => ({ value, x: earlyStop(first, value).stopped })) : [],
    });

    lead.replaceChildren(...(near ? advice(near, settings) : [sentence()]));
    const own = runs && summary(runs);
    table.replaceChildren(
      ...(own ? [row("This run", "c1", settings, own, null)] : []),
      ...pins.map((pin, k) => row(pin.letter, pin.colour, pin.settings, pin.runs && summary(pin.runs), own, k)),
    );
    figures.hidden = !table.children.length;
    showState(key, record, near);
  }

  /** A row of the table; `k` is the number of a pinned run, none for the one that is shown. */
  function row(name, colour, settings, values, own, k) {
    const pins = model.get("pinned");
    const isOwn = k === undefined;
    const swap = isOwn
      ? button("Pin", () => pin([...pins, settings]), { name: "Pin this run to compare it with others" })
      : button("Unpin", () => pin(pins.filter((_, n) => n !== k)), { name: `Unpin ${name}` });
    swap.disabled = isOwn && (pins.length === PINS.length || pins.some(other => keyOf(other) === keyOf(settings)));
    const words = [h("b", {}, name), ` ${described(settings)}`];
    const label = isOwn
      ? h("span", {}, words, h("span", { class: "cw-cap" }, values.spread))
      : h("button", { type: "button", class: "ol-show", onclick: () => choose(settings) }, words);
    const cells = ["train", "validation", "gap", "best"].map(part => {
      if (!values) return h("td", {}, "–");
      const text = value => write(part, value);
      const less = own ? difference(values[part] - own[part], text) : "";
      return h("td", {}, text(values[part]), h("span", { class: "ol-less" }, less));
    });
    const swatch = h("i", { class: `ol-swatch ${colour}` });
    const begin = h("th", { scope: "row" }, h("span", { class: "ol-name" }, swatch, label));
    return h("tr", {}, begin, cells, h("td", {}, swap));
  }

  const pin = pinned => {
    bound.set({ pinned });
    draw();
  };

  /** What early stopping would have done. */
  function sentence() {
    const { runs } = shown();
    if (!runs) return "This combination was not recorded.";
    const patience = model.get("patience");
    const { validation_loss: losses, validation_accuracy: shares } = runs[0];
    const { stopped, kept } = earlyStop(losses, patience);
    const cost = 100 * (shares[kept - 1] - shares[losses.length - 1]);
    const whole = stopped === losses.length;
    const gain = `${percent(shares[kept - 1], 1)} on validation images, ${signed(cost)} points against the last epoch`;
    const saved = whole ? "" : `, ${losses.length - stopped} of ${losses.length} epochs saved`;
    const end = whole ? "not stop early" : `stop after epoch ${stopped}`;
    return `With patience ${patience} the run would ${end} and keep epoch ${kept}: ${gain}${saved}.`;
  }

  function advice(near, settings) {
    const differs = options.filter(option => near[option.name] !== settings[option.name]).map(option => option.label);
    const show = button("Show it", () => choose(near));
    const words = `The nearest that was, in grey, differs in ${differs.join(" and ")}.`;
    return [`This combination was not recorded. ${words} `, show];
  }

  function showState(key, record, near) {
    const status = model.get("status");
    const own = model.get("trained").some(run => keyOf(run.settings) === key);
    const can = model.get("trainable") && Boolean(model.send);
    train.hidden = !can || status.running;
    train.classList.toggle("cw-main", Boolean(near));
    stop.hidden = !status.running;
    const seconds = `${Math.round(status.seconds)} of at most ${status.limit} seconds`;
    const running = `Training${own ? "" : " another combination"}: step ${status.step} of ${status.steps}, ${seconds}.`;
    const rest = own && record ? "Trained just now: the green lines." : "";
    const words = status.problem || (status.running ? running : rest);
    if (state.textContent !== words) state.textContent = words;
    foot.hidden = !can && !words;
  }

  function nearest(settings) {
    const apart = known => options.filter(option => known[option.name] !== settings[option.name]).length;
    const all = model.get("records").map(record => record.settings);
    return all.reduce((best, known) => (apart(known) < apart(best) ? known : best));
  }

  function described(settings) {
    const changed = options.filter(option => settings[option.name] !== BASE[option.name]);
    const textOf = ({ name, values }) => values.find(({ value }) => value === settings[name])?.text;
    return changed.map(option => `${option.label} ${textOf(option)}`).join(", ") || "base";
  }

  redraw();
  return () => {
    loss.close();
    accuracy.close();
    bound.close();
    close();
  };
}

/** Training solid and validation dashed: the first seed strong, others thin. */
function lines(name, colours, part, runs, end) {
  return ["train", "validation"].flatMap((which, k) => {
    const word = which === "train" ? "training" : which;
    const common = { colour: colours[k], dash: k ? DASH : "" };
    const [first, ...others] = runs.map(run => run[`${which}_${part}`].map((value, n) => [n + 1, value]));
    return [
      ...others.map(points => ({ ...common, name: "", dash: "", points, thin: true })),
      { ...common, name: `${name} ${word}`.trim(), end: end ?? word, points: first },
    ];
  });
}

/** A dot at the lowest validation loss. */
function bestOf({ validation_loss: losses }) {
  const lowest = Math.min(...losses);
  return { name: "", colour: "c2", points: [[losses.indexOf(lowest) + 1, lowest]] };
}

/** The area between training and validation accuracy. */
function gapBand([run]) {
  if (!run) return { colour: "ghost", points: [] };
  const points = run.train_accuracy.map((train, k) => {
    const validation = run.validation_accuracy[k];
    return [k + 1, Math.min(train, validation), Math.max(train, validation)];
  });
  return { colour: "ghost", points, name: "gap" };
}

/** What a run comes to after its last epoch, and the epoch with the lowest validation loss. */
function summary(runs) {
  const [first] = runs;
  const train = first.train_accuracy.at(-1);
  const validation = first.validation_accuracy.at(-1);
  const ends = runs.map(run => run.validation_accuracy.at(-1));
  const range = `${fixed(100 * Math.min(...ends), 1)} to ${percent(Math.max(...ends), 1)}`;
  return {
    train, validation, gap: train - validation,
    best: first.validation_loss.indexOf(Math.min(...first.validation_loss)) + 1,
    spread: runs.length > 1 ? ` · ${runs.length} seeds: validation ${range}` : "",
  };
}

/** A number of the table. */
function write(part, value) {
  if (part === "best") return fixed(value, 0);
  return part === "gap" ? fixed(100 * value, 1) : percent(value, 1);
}

const signed = value => (value > 0.05 ? `+${fixed(value, 1)}` : fixed(value, 1));
const capital = text => text[0].toUpperCase() + text.slice(1);

/** A difference in the unit of `text`, always with a sign. */
function difference(value, text) {
  return ` ${value > 0 ? "+" : ""}${text(value).replace(" %", "")}`;
}
