// One point on the canvas, and the predictions of two networks for it.
(() => {
  const root = document.querySelector(".explorer");
  if (!root) return;

  const { stages, start } = JSON.parse(root.querySelector("script").textContent);
  const form = root.querySelector("form");
  const pad = root.querySelector(".pad");
  const wanted = root.querySelector(".wanted");
  const panels = [...root.querySelectorAll(".net")];
  const [place, side] = root.querySelector(".where").children;
  const TITLES = {
    classification: ["Wanted", "this one pixel"],
    regression: ["Input of the networks", "one white pixel"],
    rendering: ["Wanted", "the square around the point"],
  };
  const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const GROUND = "#000";
  const [TRAINED, HELD_OUT] = ["#3d4653", "#7a3b60"];

  let stage = null;
  let chosen = []; // for each panel, the index of its network in the stage
  let answers = [];
  let sheets = [];
  const loads = panels.map(() => 0);
  let row = 0;
  let column = 0;

  const answersOf = (net) => (net.answers ? JSON.parse(document.getElementById(net.answers).textContent) : null);

  const within = (value, list) => Math.min(Math.max(value, 0), list.length - 1);

  const grid = () => answers.slice(0, chosen.length).find(Boolean);

  const open = async (address) => {
    const image = new Image();
    image.src = address;
    await image.decode();
    return createImageBitmap(image);
  };

  const show = (element, isShown) => { element.hidden = !isShown; };

  // A task and a split: the canvas and the sides of the split, then a network for each panel.
  const enter = (next) => {
    stage = next;
    chosen = [...stage.chosen];
    const [height, width] = stage.canvas;
    for (const screen of root.querySelectorAll(".screen")) {
      Object.assign(screen.querySelector("canvas"), { width, height });
      screen.style.aspectRatio = `${width} / ${height}`;
      const drawing = screen.querySelector("svg");
      if (drawing) drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    }
    root.querySelector(".unsure").style.visibility = stage.task === "rendering" ? "" : "hidden";
    const [title, words] = TITLES[stage.task];
    wanted.nextElementSibling.querySelector(".title").textContent = title;
    wanted.nextElementSibling.querySelector("small").textContent = words;
    panels.forEach((element, number) => {
      const isUsed = number < chosen.length;
      show(element, isUsed);
      const pick = element.querySelector(".pick");
      const isChoice = stage.nets.length > panels.length;
      show(pick, isChoice);
      show(element.querySelector(".name"), !isChoice);
      pick.replaceChildren(...stage.nets.map((net, at) => new Option(net.model, at)));
      if (isUsed) choose(number, chosen[number]);
    });
    row = within(row, grid().rows);
    column = within(column, grid().columns);
    paintSides();
    draw();
  };

  // Show a network of the stage in a panel, and its sprite sheet when it is unpacked.
  const choose = async (number, at) => {
    const element = panels[number];
    const net = stage.nets[at];
    chosen[number] = at;
    answers[number] = answersOf(net);
    if (sheets[number]) sheets[number].close();
    sheets[number] = null;
    element.querySelector(".pick").value = at;
    element.querySelector(".model").className = `model ${net.family}`;
    element.querySelector(".name").textContent = net.model;
    element.querySelector(".missing").textContent = net.gap;
    element.querySelector(".words").textContent = "";
    for (const path of element.querySelectorAll("path")) path.setAttribute("d", "");
    show(element.querySelector(".screen"), Boolean(net.answers));
    loads[number] += 1;
    const current = loads[number];
    if (!net.sheet) return;
    const sheet = await open(net.sheet);
    if (current !== loads[number]) return sheet.close();
    sheets[number] = sheet;
    draw();
  };

  const paintSides = () => {
    const { rows, columns, heldOut } = grid();
    const context = clear(pad.querySelector("canvas"));
    rows.forEach((y, r) => columns.forEach((x, c) => {
      context.fillStyle = heldOut[r * columns.length + c] === "1" ? HELD_OUT : TRAINED;
      context.fillRect(x, y, 1, 1);
    }));
  };

  const clear = (canvas) => {
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = GROUND;
    context.fillRect(0, 0, canvas.width, canvas.height);
    return context;
  };

  const cross = (x, y, arm) => `M${x - arm} ${y}H${x + arm}M${x} ${y - arm}V${y + arm}`;

  const ring = (x, y, radius) => `M${x - radius} ${y}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0`;

  const draw = () => {
    if (!grid()) return;
    const { rows, columns, heldOut } = grid();
    const at = row * columns.length + column;
    const [y, x] = [rows[row], columns[column]];
    const out = heldOut[at] === "1";
    place.textContent = `row ${y}, column ${x}`;
    side.textContent = out ? "held out: never trained on" : "trained on";
    root.dataset.side = out ? "held-out" : "trained";
    pad.querySelector(".cross").setAttribute("d", cross(x + 0.5, y + 0.5, 3.5) + ring(x + 0.5, y + 0.5, 2));
    const half = Math.floor(stage.square / 2);
    const target = clear(wanted.querySelector("canvas"));
    target.fillStyle = "#fff";
    if (stage.task === "rendering") target.fillRect(x - half, y - half, stage.square, stage.square);
    else target.fillRect(x, y, 1, 1);
    panels.forEach((element, number) => drawNet(element, number, at, x, y));
  };

  const drawNet = (element, number, at, x, y) => {
    const found = answers[number];
    if (!found || number >= chosen.length) return;
    const canvas = element.querySelector("canvas");
    const context = clear(canvas);
    const { width, height } = canvas;
    const sheet = sheets[number];
    if (sheet) {
      context.drawImage(sheet, column * width, row * height, width, height, 0, 0, width, height);
      if (stage.task === "rendering" && !form.elements.unsure.checked) paintWhole(context);
    }
    element.querySelector(".words").textContent = found.labels[found.label[at]];
    const paths = { ring: "", error: "", answer: "" };
    const [px, py] = [found.predicted[2 * at], found.predicted[2 * at + 1]];
    if (typeof px === "number" && typeof py === "number") {
      paths.ring = ring(x + 0.5, y + 0.5, 2.5);
      paths.answer = cross(px + 0.5, py + 0.5, 2);
      paths.error = `M${x + 0.5} ${y + 0.5}L${px + 0.5} ${py + 0.5}`;
    }
    for (const [name, path] of Object.entries(paths)) element.querySelector(`.${name}`).setAttribute("d", path);
  };

  // As scored: white from a probability of one half.
  const paintWhole = (context) => {
    const { width, height } = context.canvas;
    const picture = context.getImageData(0, 0, width, height);
    for (let at = 0; at < picture.data.length; at += 4) {
      picture.data.fill(picture.data[at] > 127 ? 255 : 0, at, at + 3);
    }
    context.putImageData(picture, 0, 0);
  };

  // Several moves within one frame are drawn once.
  let due = false;
  const drawSoon = () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => { due = false; draw(); });
  };

  const nearest = (list, value) => within(Math.round(value - list[0]), list);

  const follow = (event) => {
    if (!grid()) return;
    const box = pad.getBoundingClientRect();
    const [height, width] = stage.canvas;
    row = nearest(grid().rows, ((event.clientY - box.top) / box.height) * height - 0.5);
    column = nearest(grid().columns, ((event.clientX - box.left) / box.width) * width - 0.5);
    drawSoon();
  };

  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    follow(event);
  });
  pad.addEventListener("pointermove", (event) => {
    if (event.pointerType === "mouse" || event.buttons) follow(event);
  });
  pad.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (!move || !grid()) return;
    event.preventDefault();
    const far = event.shiftKey ? 8 : 1;
    row = within(row + far * move[0], grid().rows);
    column = within(column + far * move[1], grid().columns);
    drawSoon();
  });

  root.querySelector(".jump").addEventListener("click", () => {
    const { columns, heldOut } = grid();
    const places = [...heldOut].flatMap((mark, at) => (mark === "1" ? [at] : []));
    if (!places.length) return;
    const at = places[Math.floor(Math.random() * places.length)];
    [row, column] = [Math.floor(at / columns.length), at % columns.length];
    draw();
  });

  for (const [number, element] of panels.entries()) {
    element.querySelector(".pick").addEventListener("change", (event) => {
      choose(number, Number(event.target.value));
      draw();
    });
  }

  // Show the splits that a task has; keep the split if it is one of them.
  const offer = (task) => {
    const splits = stages.filter((one) => one.task === task).map((one) => one.split);
    for (const input of form.querySelectorAll("[name=split]")) {
      show(input.parentElement, splits.includes(input.value));
    }
    if (!splits.includes(form.elements.split.value)) form.elements.split.value = splits[0];
  };

  form.addEventListener("change", (event) => {
    if (event.target.name === "unsure") return draw();
    offer(form.elements.task.value);
    const [task, split] = [form.elements.task.value, form.elements.split.value];
    enter(stages.find((one) => one.task === task && one.split === split));
  });
  form.addEventListener("submit", (event) => event.preventDefault());

  const first = stages[start];
  form.elements.task.value = first.task;
  offer(first.task);
  form.elements.split.value = first.split;
  root.hidden = false;
  const { rows, columns } = answersOf(first.nets.find((net) => net.answers));
  // Start just beyond the middle of the canvas, where the held-out quadrant begins.
  row = Math.round(rows.length * 0.62);
  column = Math.round(columns.length * 0.82);
  enter(first);
})();
