// While a job goes on: ask every second whether a run began or ended, and then load the page anew.
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
