// While a job is running: ask every second whether a run started or ended, and then reload.
(() => {
  const { state } = document.body.dataset;
  const ask = async () => {
    try {
      const answer = await fetch("/state");
      if (answer.ok && (await answer.text()) !== state) return location.reload();
      document.body.classList.remove("lost");
    } catch {
      document.body.classList.add("lost");
    }
    setTimeout(ask, 1000);
  };
  setTimeout(ask, 1000);
})();
