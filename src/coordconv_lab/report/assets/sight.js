// The input of a 3 x 3 convolution under the pointer: only the image, and with the coordinates.
(() => {
  const root = document.querySelector(".sight");
  if (!root) return;

  const SIZE = 16;
  const [TOP, LEFT, SIDE] = [3, 8, 4];
  const STOPS = root.dataset.scale.split(" ").map((colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)));
  const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

  const coordinate = (at) => (2 * at) / (SIZE - 1) - 1;
  const channels = [
    (r, c) => (r >= TOP && r < TOP + SIDE && c >= LEFT && c < LEFT + SIDE ? 1 : 0),
    (r, c) => coordinate(c),
    (r, c) => coordinate(r),
  ];
  const views = [...root.querySelectorAll(".channel")];
  const said = root.querySelectorAll(".said b");
  let row = 8;
  let column = 4;

  const colour = (part) => {
    const at = part * (STOPS.length - 1);
    const low = Math.min(Math.floor(at), STOPS.length - 2);
    return `rgb(${STOPS[low].map((value, i) => Math.round(value + (at - low) * (STOPS[low + 1][i] - value))).join()})`;
  };

  views.forEach((view, number) => {
    const canvas = view.querySelector("canvas");
    Object.assign(canvas, { width: SIZE, height: SIZE });
    const context = canvas.getContext("2d");
    for (let r = 0; r < SIZE; r += 1) {
      for (let c = 0; c < SIZE; c += 1) {
        const value = channels[number](r, c);
        context.fillStyle = number ? colour((value + 1) / 2) : value ? "#fff" : "#000";
        context.fillRect(c, r, 1, 1);
      }
    }
  });

  const NINE = [-1, 0, 1].flatMap((r) => [-1, 0, 1].map((c) => [r, c]));
  const numbers = (channel, r, c) => NINE.map(([dr, dc]) => channel(r + dr, c + dc));

  // Count the positions inside the border where the given channels have the same nine numbers.
  const alike = (seen) => {
    const here = seen.map((channel) => numbers(channel, row, column));
    let count = 0;
    for (let r = 1; r < SIZE - 1; r += 1) {
      for (let c = 1; c < SIZE - 1; c += 1) {
        count += seen.every((channel, at) => numbers(channel, r, c).every((value, i) => value === here[at][i]));
      }
    }
    return count - 1;
  };

  const written = (value, whole) => (whole ? String(value) : value.toFixed(2).replace("-", "−"));

  const draw = () => {
    views.forEach((view, number) => {
      const share = 100 / SIZE;
      Object.assign(view.querySelector(".window").style, {
        left: `${(column - 1) * share}%`, top: `${(row - 1) * share}%`, width: `${3 * share}%`, height: `${3 * share}%`,
      });
      const cells = view.querySelectorAll(".nine span");
      numbers(channels[number], row, column).forEach((value, i) => { cells[i].textContent = written(value, !number); });
    });
    const [plain, aware] = [alike(channels.slice(0, 1)), alike(channels)];
    said[0].textContent = plain ? `at ${plain} other place${plain === 1 ? "" : "s"}` : "nowhere else";
    said[1].textContent = aware ? `at ${aware} other places` : "nowhere else";
  };

  const move = (r, c) => {
    row = Math.min(Math.max(r, 1), SIZE - 2);
    column = Math.min(Math.max(c, 1), SIZE - 2);
    draw();
  };

  for (const view of views) {
    const screen = view.querySelector(".screen");
    const follow = (event) => {
      const box = screen.getBoundingClientRect();
      move(
        Math.floor(((event.clientY - box.top) / box.height) * SIZE),
        Math.floor(((event.clientX - box.left) / box.width) * SIZE),
      );
    };
    screen.addEventListener("pointermove", follow);
    screen.addEventListener("pointerdown", follow);
  }
  root.addEventListener("keydown", (event) => {
    const step = MOVES[event.key];
    if (!step) return;
    event.preventDefault();
    move(row + step[0], column + step[1]);
  });
  draw();
})();
