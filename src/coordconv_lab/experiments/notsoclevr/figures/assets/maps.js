// Show the values of the maps under the pointer.
(() => {
  const tip = document.getElementById("tip");

  const hide = () => { tip.hidden = true; };

  const show = (text, x, y) => {
    tip.textContent = text;
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const left = Math.min(Math.max(x - width / 2, 8), document.documentElement.clientWidth - width - 8);
    const top = y - height - 16 > 0 ? y - height - 16 : y + 20;
    tip.style.transform = `translate(${left}px, ${top}px)`;
  };

  const data = (element) => JSON.parse(element.querySelector("script").textContent);

  // A map: the position under the pointer, or under the cursor of the arrow keys.
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

  for (const element of document.querySelectorAll(".map.probe")) {
    const { rows, columns, heldOut, labels, label } = data(element);
    const cursor = element.querySelector(".cursor");
    let row = 0;
    let column = 0;
    const within = (value, count) => Math.min(Math.max(value, 0), count - 1);
    const away = () => { cursor.hidden = true; hide(); };
    const point = () => {
      const box = element.getBoundingClientRect();
      const [wide, high] = [1 / columns.length, 1 / rows.length];
      cursor.hidden = false;
      Object.assign(cursor.style, {
        left: `${100 * column * wide}%`, top: `${100 * row * high}%`,
        width: `${100 * wide}%`, height: `${100 * high}%`,
      });
      const at = row * columns.length + column;
      const side = heldOut[at] === "1" ? "held out" : "trained on";
      show(
        `row ${rows[row]}, column ${columns[column]} (${side}): ${labels[label[at]]}`,
        box.left + (column + 0.5) * wide * box.width, box.top + row * high * box.height,
      );
    };
    const follow = (event) => {
      const box = element.getBoundingClientRect();
      row = within(Math.floor(((event.clientY - box.top) / box.height) * rows.length), rows.length);
      column = within(Math.floor(((event.clientX - box.left) / box.width) * columns.length), columns.length);
      point();
    };
    element.addEventListener("pointermove", follow);
    element.addEventListener("pointerdown", follow);
    // Lifting a finger also fires this event; keep the value on the screen.
    element.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") away(); });
    element.addEventListener("blur", away);
    element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") return away();
      const move = moves[event.key];
      if (!move) return;
      event.preventDefault();
      row = within(row + move[0], rows.length);
      column = within(column + move[1], columns.length);
      point();
    });
  }

  document.addEventListener("scroll", hide, { passive: true });
})();
