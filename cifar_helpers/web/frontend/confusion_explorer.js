// The confusion matrix of a network: a cell opens its pictures, a picture its probabilities; people's matrix beside it.
import styles from "./confusion_explorer.css";
import { h, framed, binding, canvas, write } from "./ui.js";
import { at, css, inkOn, paint, paintBytes } from "./colour.js";
import { chance, clamp, fixed, percent } from "./numbers.js";
import { arrows, button, probabilityBars, segmented } from "./controls.js";
import { picture } from "./picture.js";
import { imageWall, unpackPictures, wallStyles } from "./image_wall.js";
import { again, afterLoading } from "./loading.js";

const SHORT = { airplane: "plane", automobile: "car" };
const PER_PAGE = 12;
const MARKED = 5;
const HINTS = {
  people: "One scale for both; blank rounds to 0.",
  difference: "With fewer images, more could be chance. Chance alone marks a cell in fewer than 1 of 20 tables.",
};
const COMPARING = ["people", "difference"];
const PEOPLES_IMAGES = 1000; // of each class; the 50 answers to one image are alike, so that images count, not answers
const LEVEL = 0.05; // how often chance alone may mark any cell of a table at all
const QUIET = 0.05; // of the largest number: below it the ink is grey
const Z = 1.96; // standard errors on each side that hold 95 %

const thousands = n => n.toLocaleString("en-US");
const short = name => SHORT[name] ?? name;

function softmax(row) {
  const most = Math.max(...row);
  const powers = Array.from(row, value => Math.exp(value - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map(power => power / sum);
}

function shares(matrix, n) {
  return matrix.map((value, k) => {
    const row = matrix.slice(k - (k % n), k - (k % n) + n);
    return value / Math.max(1e-9, row.reduce((a, b) => a + b, 0));
  });
}

// The largest numbers off the diagonal, at most MARKED of them: of those that tie, all or none.
function largestMistakes(matrix, n) {
  const cells = [...matrix.keys()].filter(k => matrix[k] && k % (n + 1));
  const next = cells.map(k => Math.abs(matrix[k])).sort((a, b) => b - a)[MARKED] ?? 0;
  return new Set(cells.filter(k => Math.abs(matrix[k]) > next));
}

/** The 95 % interval of a share of k in n (Wilson). @param {number} k @param {number} n */
function interval(k, n) {
  const middle = (k + (Z * Z) / 2) / (n + Z * Z);
  const reach = (Z / (n + Z * Z)) * Math.sqrt((k * (n - k)) / n + (Z * Z) / 4);
  return `95 % interval ${fixed(100 * (middle - reach), 1)} to ${percent(middle + reach, 1)}`;
}

/** ln 0!, ln 1! and so on. @param {number} most */
function logFactorials(most) {
  const logs = new Float64Array(most + 1);
  for (let k = 2; k <= most; k++) logs[k] = logs[k - 1] + Math.log(k);
  return logs;
}

/** How often chance alone sets a of n and b of m so far apart if both have one share: Fisher's exact test, two-sided */
function byChance(a, n, b, m, logs) {
  if (a * m < b * n) return byChance(b, m, a, n, logs);
  const ways = (all, some) => logs[all] - logs[some] - logs[all - some];
  let sum = 0;
  for (let k = a; k <= Math.min(n, a + b); k++) sum += Math.exp(ways(n, k) + ways(m, a + b - k) - ways(n + m, a + b));
  return Math.min(1, 2 * sum);
}

// A matrix with its names; place -1 stands for the names: all classes. `pointed` hears of the place under the pointer.
function matrix(label, classes, chosen, pointed) {
  const n = classes.length;
  const frame = h("div", { class: "cw-frame ce-frame" });
  const places = [-1, ...classes.keys()];
  let current = [0, 0];
  const go = (t, p) => {
    current = [t, p]; // at once: a second key may come before the frame
    chosen(t, p);
  };
  const cell = (t, p) => {
    const heading = t < 0 || p < 0;
    const kinds = { "ce-top": t < 0, "ce-upright": t < 0 && p >= 0, "ce-same": !heading && t === p };
    const node = h(
      "div",
      {
        class: [heading ? "ce-name" : "ce-cell", ...Object.keys(kinds).filter(kind => kinds[kind])].join(" "),
        role: t < 0 ? "columnheader" : p < 0 ? "rowheader" : "gridcell",
        onmousedown: () => go(t, p), // the focus moves at the press, too, even if the pointer then leaves
        onclick: () => go(t, p),
        onpointerenter: () => pointed([t, p]),
      },
      heading ? h("span", {}, short(t < 0 && p < 0 ? "all" : classes[Math.max(t, p)])) : null,
    );
    node.style.gridArea = `${t + 3} / ${p + 2}`; // below the axis titles
    return { t, p, node };
  };
  const table = places.map(t => places.map(p => cell(t, p)));
  const all = table.flat();
  const rows = table.map(row => h("div", { role: "row", class: "ce-row" }, row.map(each => each.node)));
  const axes = ["true ↓", "predicted →"].map(axis => h("span", { class: "ce-axis", "aria-hidden": "true" }, axis));
  const focus = (t, p) => {
    go(t, p);
    table[t + 1][p + 1].node.focus();
  };
  const node = h("div", { class: "ce-matrix", role: "grid", "aria-label": label }, axes, rows, frame);
  node.addEventListener("pointerleave", () => pointed(null));
  arrows(node, (down, right) => {
    const [t, p] = [current[0] + down, current[1] + right].map(k => clamp(k, -1, n - 1));
    pointed(null); // the pointer may still rest on another
    focus(t, p);
  });
  return {
    node,
    focus,
    name(say) {
      for (const each of all) each.node.setAttribute("aria-label", say(each.t, each.p));
    },
    point(place) {
      for (const each of all) each.node.classList.toggle("ce-point", each.t === place?.[0] && each.p === place?.[1]);
    },
    mark(t, p) {
      current = [t, p];
      for (const each of all) {
        const here = each.t === t && each.p === p;
        const names = (each.p < 0 && each.t >= 0 && each.t === t) || (each.t < 0 && each.p >= 0 && each.p === p);
        each.node.tabIndex = here ? 0 : -1;
        each.node.setAttribute("aria-selected", here);
        each.node.classList.toggle("ce-on", here || names);
      }
      const lines = (k, first) => (k < 0 ? `${first} / ${n + first}` : `${k + first} / ${k + first + 1}`);
      frame.style.gridRow = lines(t, 3);
      frame.style.gridColumn = lines(p, 2);
    },
    fill(values, text, limit, ramp, marked, isColoured) {
      values.forEach((value, k) => {
        const isQuiet = Math.abs(value) < QUIET * limit && !marked.has(k);
        const each = table[Math.floor(k / n) + 1][(k % n) + 1].node;
        each.textContent = text(k);
        each.classList.toggle("ce-quiet", isQuiet);
        each.classList.toggle("ce-most", marked.has(k));
        const rgb = at(ramp, value / limit);
        each.style.background = isColoured(k) ? css(rgb) : "";
        each.style.color = isQuiet || !isColoured(k) ? "" : inkOn(rgb);
      });
    },
  };
}

/** @param {{model: any, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host */
export function render(host) {
  const stored = Boolean(host.load); // a stored page has some of the pictures, a notebook asks for each cell's
  return afterLoading(host, {
    name: "confusion_explorer", label: "Confusion matrix and its pictures", styles: styles + wallStyles,
    files: ["logits", "labels", ...(stored ? ["pictures"] : [])],
    show: (...given) => show(stored, ...given),
  });
}

function show(stored, model, { root, colours, say }, [numbers, labels, pictures], get) {
  const classes = model.get("classes");
  const n = classes.length;
  const logits = new Float32Array(numbers.slice().buffer);
  const probabilities = i => softmax(logits.subarray(i * n, (i + 1) * n));
  const confidence = Float64Array.from(labels, (_, i) => Math.max(...probabilities(i)));
  const predicted = Uint8Array.from(labels, (_, i) => probabilities(i).indexOf(confidence[i]));
  const byConfidence = Uint32Array.from(labels.keys()).sort((a, b) => confidence[b] - confidence[a] || a - b);
  const counts = new Float64Array(n * n); // the true classes are rows
  const totals = Array(n).fill(0);
  labels.forEach((label, i) => {
    counts[label * n + predicted[i]] += 1;
    totals[label] += 1;
  });
  const people = Float64Array.from(model.get("people").flat());
  const peoplesAccuracy = percent(people.reduce((sum, share, k) => (k % (n + 1) ? sum : sum + share / n), 0), 1);
  const mine = shares(counts, n);
  const largest = values => Math.max(...values.map((value, k) => (k % (n + 1) ? Math.abs(value) : 0))) || 1;
  const ofClass = {
    values: mine, limit: Math.max(largest(mine), largest(people)), text: value => fixed(value * 100, 1),
    scale: "mistakes, % of class", end: percent,
  };
  const totalOf = k => totals[Math.floor(k / n)];
  const difference = mine.map((share, k) => (totalOf(k) ? share - people[k] : 0));
  const logs = logFactorials(Math.max(...totals) + PEOPLES_IMAGES);
  // Beyond chance, though the reader picks one of so many cells (Bonferroni).
  const isClear = k =>
    byChance(counts[k], totalOf(k), Math.round(people[k] * PEOPLES_IMAGES), PEOPLES_IMAGES, logs) <= LEVEL / (n * n);
  const clear = new Set([...counts.keys()].filter(isClear));
  // Whole points: with a thousand images of a class, chance alone makes half a point.
  const signed = (value, digits = 0) => {
    const text = fixed(value * 100, digits);
    return Number(text) > 0 ? `+${text}` : text;
  };
  const views = {
    counts: {
      values: counts, limit: largest(counts), text: String,
      scale: "mistakes, images", end: thousands,
    },
    percent: ofClass,
    people: ofClass,
    difference: {
      values: difference, limit: Math.max(...difference.map(Math.abs)) || 1, text: signed,
      scale: "more often by people, points", end: signed,
    },
  };
  /** @type {Map<number, Uint8Array>} */
  const store = new Map();
  const asked = new Set();
  /** @type {number[] | null} */
  let under = null;
  let list = new Uint32Array();
  let listed = "";
  let filled = "";
  let failure = "";
  let next = 0; // the cell to go on with from an empty one

  const redraw = framed(draw);
  const point = place => {
    under = place;
    redraw();
  };
  // A choice speaks louder than a resting pointer.
  const state = binding(model, { chosen: () => point(null), view: redraw, order: redraw, picture: redraw });
  const put = values => {
    state.set(values);
    redraw();
  };
  const choose = (t, p) => {
    state.set({ chosen: [t, p], picture: -1 });
    point(null);
  };
  const network = matrix("Confusion matrix of the network", classes, choose, point);
  const human = matrix("Confusion matrix of people", classes, choose, point);
  const view = segmented(
    "Numbers of the matrix",
    [
      { value: "counts", text: "Counts" },
      { value: "percent", text: "% of class", name: "Percent of the true class" },
      { value: "people", text: "Beside people" },
      { value: "difference", text: "Network − people", name: "Network minus people, in points" },
    ],
    model.get("view"),
    value => put({ view: value }),
  );
  const order = segmented(
    "Order of the pictures",
    [
      { value: "highest", text: "Most confident" },
      { value: "lowest", text: "Least", name: "Least confident" },
    ],
    model.get("order"),
    value => put({ order: value, picture: -1 }),
  );
  const whose = segmented(
    "Matrix of",
    [
      { value: "network", text: "Network" },
      { value: "people", text: "People" },
    ],
    "network",
    value => {
      main.dataset.whose = value; // where there is no room for both
      whose.set(value);
    },
  );
  const everything = [0, 1].map(() =>
    h("button", { type: "button", class: "cw-chip", onclick: () => choose(-1, -1) }, "All mistakes"),
  );
  const wall = imageWall("Pictures", PER_PAGE, k => put({ picture: list[k] }));
  const large = picture("The chosen picture", { rows: 32, columns: 32 });
  const bars = probabilityBars(classes);

  const right = labels.reduce((count, label, i) => count + (label === predicted[i]), 0);
  const total = h("div", { class: "cw-lead" });
  const name = h("b");
  const title = h("b");
  const note = h("p", { class: "cw-cap ce-note" });
  const other = button("", () => {
    (network.node.offsetParent ? network : human).focus(Math.floor(next / n), next % n); // this button goes
  });
  const reading = h("p", { class: "ce-reading" });
  const largeName = h("span", { class: "cw-cap" });
  const verdict = h("p");
  const source = h( // whether these are the same images, only who gave them knows
    "p", { class: "cw-cap ce-source" },
    `The network judged ${thousands(labels.length)} images given here; people, the ${thousands(n * PEOPLES_IMAGES)} `
      + "test images (CIFAR-10H; about 50 saw each).",
  );
  const legend = canvas(128, 1);
  const [low, high, marks, hint] = [h("span"), h("span"), h("span"), h("span")];
  const detail = h(
    "div", { class: "cw-foot ce-detail" },
    h("div", {}, h("div", { class: "cw-head" }, largeName), large.node),
    h("div", { class: "ce-bars" }, verdict, bars.node),
  );
  const main = h(
    "div", { class: "ce-main" },
    h("div", { class: "ce-whose" }, whose.node),
    h("div", { class: "ce-network" }, h("div", { class: "ce-line" }, name, everything[0]), network.node),
    h(
      "div", { class: "ce-people" },
      h("div", { class: "ce-line" }, h("b", {}, "People"), h("span", { class: "cw-cap" }, "% of class"), everything[1]),
      human.node,
    ),
    h(
      "div", { class: "ce-read" },
      reading,
      source,
      h(
        "div", { class: "cw-cap ce-legend" },
        h("span", {}, low, h("span", { class: "ce-ramp" }, legend), high),
        h("span", {}, h("i", { class: "ce-corner" }), marks),
        hint,
      ),
    ),
    h(
      "div", { class: "ce-pictures" },
      h("div", { class: "ce-line" }, title, order.node),
      wall.node,
      h("div", { class: "ce-under" }, h("div", {}, note, other), wall.pager),
    ),
    detail,
  );
  root.append(h("div", { class: "cw-bar ce-views" }, total, view.node), main);

  /** The pictures of a choice in words. */
  function titleOf(t, p) {
    if (t >= 0 && p >= 0) return words(t, p)[0];
    if (t >= 0) return `${classes[t]} predicted as another class`;
    return p >= 0 ? `wrongly predicted as ${classes[p]}` : "all mistakes";
  }

  /** What a choice is a part of, and the whole. */
  function partAndWhole(values, t, p) {
    const isCell = t >= 0 && p >= 0;
    const inside = k => (t < 0 || Math.floor(k / n) === t) && (p < 0 || k % n === p);
    // A cell is a share of its row; of more than a cell, the share on the diagonal is what counts.
    const whole = k => (isCell ? Math.floor(k / n) === t : inside(k));
    const part = k => inside(k) && (isCell || k % (n + 1) === 0);
    return [part, whole].map(wanted => values.reduce((sum, value, k) => (wanted(k) ? sum + value : sum), 0));
  }

  function share(values, t, p) {
    const [part, whole] = partAndWhole(values, t, p);
    return whole ? percent(part / whole, 1) : "";
  }

  /** What the numbers of a choice are about, those of the network, and those of people. */
  function words(t, p) {
    const isCell = t >= 0 && p >= 0;
    const [some, all] = partAndWhole(counts, t, p);
    const theirs = `people’s answers ${share(people, t, p)}`;
    const tell = (measure, what) => all
      ? `${measure}${share(counts, t, p)} (${interval(some, all)}), ${thousands(some)} of ${thousands(all)}${what}`
      : "no such image here";
    const isCompared = COMPARING.includes(model.get("view"));
    if (isCell) {
      const as = t === p ? "predicted correctly" : `predicted as ${classes[p]}`;
      const k = t * n + p;
      const told = [`${classes[t]} ${as}`, tell("", isCompared ? "" : ` ${classes[t]} images`)];
      if (!isCompared || !all) return [...told, theirs];
      const verdict = `${clear.has(k) ? "more than chance, even" : "could be chance"} among ${n * n} cells`;
      return [...told, `${theirs}: ${signed(difference[k], 1)} points, ${verdict}`];
    }
    if (t >= 0) return [`${classes[t]} images`, tell("recall ", " correct"), theirs];
    if (p >= 0) return [`predicted as ${classes[p]}`, tell("precision ", " correct"), theirs];
    return ["all images", tell("accuracy ", " correct"), theirs];
  }

  function inOneLine(t, p) {
    const [what, ours, theirs] = words(t, p);
    return `${what}: ${ours}; ${theirs}`;
  }

  /** Numbers of the images of a choice, in order of confidence. */
  function members(t, p) {
    const found = byConfidence.filter(
      i =>
        (t < 0 || labels[i] === t) &&
        (p < 0 || predicted[i] === p) &&
        ((t >= 0 && p >= 0) || labels[i] !== predicted[i]),
    );
    return model.get("order") === "highest" ? found : found.reverse();
  }

  /** The most frequent mistake of the row, else of the column, else of all; without one what is correct. */
  function nextTo(t, p) {
    const rank = k => (k % (n + 1) ? 4 : 0) + (Math.floor(k / n) === t ? 2 : 0) + (k % n === p ? 1 : 0);
    const filledCells = [...counts.keys()].filter(k => counts[k]);
    return filledCells.reduce((best, k) => (rank(k) - rank(best) || counts[k] - counts[best]) > 0 ? k : best);
  }

  function keep(file) {
    for (const { index, pixels } of unpackPictures(file)) store.set(index, pixels);
  }

  /** Asks for the cells of pictures that are not here yet. */
  function want(numbers) {
    for (const i of numbers) {
      const file = `cell/${labels[i]}/${predicted[i]}`;
      if (store.has(i) || asked.has(file)) continue;
      asked.add(file);
      get(file)
        .then(keep, error => {
          failure = `The pictures could not be loaded: ${error.message}. ${again(model)}`;
        })
        .then(redraw);
    }
  }

  function draw() {
    const [t, p] = model.get("chosen");
    const now = model.get("view");
    view.set(now);
    order.set(model.get("order"));
    const isCompared = COMPARING.includes(now);
    main.classList.toggle("ce-both", now === "people");
    const accuracy = percent(right / labels.length, 1);
    total.textContent = isCompared
      ? `${accuracy} correct, people’s answers ${peoplesAccuracy}`
      : `${thousands(labels.length)} images, ${accuracy} predicted correctly`;
    // Where one matrix is shown at a time, its switch has the numbers of both.
    [["Network", counts], ["People", people]].forEach(([who, values], k) => {
      write(whose.buttons[k], `${who} ${share(values, t, p)}`.trim());
    });
    drawMatrices(now);
    for (const each of [network, human]) each.point(under);
    network.mark(t, p);
    human.mark(t, p);
    const [what, ours, theirs] = words(...(under ?? [t, p]));
    // Bold is what is chosen, as above the pictures; what is only pointed at is grey.
    const isChosen = !under || (under[0] === t && under[1] === p);
    reading.classList.toggle("ce-pointing", !isChosen);
    reading.replaceChildren(h(isChosen ? "b" : "span", {}, what), `: ${ours}; `, h("span", {}, theirs));
    drawPictures(t, p);
    say(inOneLine(t, p));
  }

  function drawMatrices(now) {
    if (filled === now) return;
    filled = now;
    for (const each of [network, human]) each.name(inOneLine);
    const { values, limit, text, scale, end } = views[now];
    const table = colours();
    const isSigned = values === difference;
    const isMistake = k => k % (n + 1) !== 0;
    // A zero off the diagonal is blank: most cells are.
    const written = all => k =>
      Number(text(all[k]).replace("−", "-")) || (!isMistake(k) && totalOf(k)) ? text(all[k]) : "";
    const marked = isSigned ? clear : largestMistakes(values, n);
    network.fill(values, written(values), limit, table, marked, k => isSigned || isMistake(k));
    human.fill(people, written(people), limit, table, largestMistakes(people, n), isMistake);
    name.textContent = isSigned ? "Network − people" : "Network";
    paint(legend, 1, 128, i => at(table, isSigned ? i / 63.5 - 1 : i / 127));
    low.textContent = `${scale}: ${isSigned ? end(-limit) : 0} `;
    high.textContent = ` ${end(limit)}${isSigned ? " by the network" : ""}`;
    const largestOnes = marked.size === 1 && now !== "people" ? "largest mistake" : "largest mistakes";
    marks.textContent = isSigned ? `more than chance: ${marked.size} of ${n * n} cells` : largestOnes;
    marks.parentNode.hidden = now !== "people" && !marked.size && !isSigned;
    hint.textContent = HINTS[now] ?? "Choose a cell, or a name for its row or column.";
  }

  function drawPictures(t, p) {
    const key = `${t} ${p} ${model.get("order")}`;
    if (listed !== key) {
      listed = key;
      const all = members(t, p);
      list = stored ? all.filter(i => store.has(i)) : all;
      const some = `Only ${list.length} of these ${thousands(all.length)} pictures are included, among them the most `
        + `and the least confident${t >= 0 && p >= 0 ? "" : " of each cell"}.`;
      note.textContent = list.length < all.length ? some : "";
    }
    const isNone = !list.length;
    main.classList.toggle("ce-none", isNone);
    other.hidden = !isNone;
    if (isNone) {
      next = nextTo(t, p);
      other.textContent = `${titleOf(Math.floor(next / n), next % n)}: ${thousands(counts[next])} ›`;
      const theirs = `of people’s answers, ${share(people, t, p)} were`;
      note.textContent = t < 0 || p < 0
        ? "No mistake here."
        : `No ${classes[t]} here was predicted as ${classes[p]}; ${theirs}.`;
    }
    if (failure) note.textContent = failure;
    title.textContent = titleOf(t, p);
    for (const chip of everything) chip.setAttribute("aria-pressed", t < 0 && p < 0);
    const place = Math.max(0, list.indexOf(model.get("picture")));
    const isBoth = model.get("view") === "people";
    const caption = i => {
      const sure = chance(confidence[i]);
      if (t >= 0 && p >= 0) return sure;
      if (t < 0 && p < 0) return `${short(classes[labels[i]])}${isBoth ? "\n" : ""}→${short(classes[predicted[i]])}`;
      return `${short(classes[t < 0 ? labels[i] : predicted[i]])}${isBoth ? "\n" : " "}${sure}`;
    };
    // Controls that would change nothing.
    order.node.hidden = list.length < 2;
    wall.pager.hidden = list.length <= PER_PAGE;
    wall.set({
      total: list.length,
      chosen: place,
      caption: k => caption(list[k]),
      name: k => nameOf(list[k]),
      pixels: k => store.get(list[k]),
    });
    // A few pictures are shown larger, in the room that many would take.
    const few = [2, 3, 4, 6].find(few => list.length <= few) ?? 12;
    wall.node.dataset.few = few;
    wall.node.style.setProperty("--columns", isBoth ? clamp(few, 3, 6) : { 2: 2, 3: 3, 4: 2, 6: 3, 12: 4 }[few]);
    const page = Math.floor(place / PER_PAGE) * PER_PAGE;
    if (!stored) want(list.subarray(page, page + PER_PAGE));
    drawDetail(list[place]);
  }

  function nameOf(i) {
    return `Image ${i}, ${classes[labels[i]]}: predicted ${classes[predicted[i]]}, ${chance(confidence[i])}`;
  }

  function drawDetail(i) {
    const pixels = i === undefined ? undefined : store.get(i);
    detail.classList.toggle("ce-blank", !pixels);
    if (i === undefined || !pixels) {
      verdict.textContent = i === undefined ? "No picture here: choose another cell." : "Loading …";
      largeName.textContent = "";
      return;
    }
    const all = probabilities(i);
    const [own, guess] = [labels[i], predicted[i]];
    paintBytes(large.canvas, pixels, 32, 32);
    large.node.setAttribute("aria-label", nameOf(i));
    largeName.textContent = `Image ${thousands(i)}`;
    bars.set(all);
    [...bars.node.children].forEach((part, k) => part.classList.toggle("ce-truth", k === 3 * own));
    const truth = h("span", {}, "true class: ", h("b", { class: "ce-truth" }, classes[own]), ` ${chance(all[own])}`);
    const said = h("span", {}, "Predicted: ", h("b", {}, classes[guess]), ` ${chance(all[guess])}`);
    verdict.replaceChildren(said, own === guess ? h("span", {}, "correct") : truth);
  }

  if (pictures) keep(pictures);
  draw();
  return {
    recolour() {
      filled = "";
      redraw();
    },
    close: state.close,
  };
}
