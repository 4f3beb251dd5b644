// A page opened from a file cannot start the worker of the search. A hidden frame with the same
// messages replaces it.
if (location.protocol === "file:") {
  window.Worker = class {
    constructor(address) {
      const frame = document.createElement("iframe");
      const script = new URL(address, document.baseURI);
      frame.hidden = true;
      frame.title = "search";
      frame.srcdoc =
        '<script>self.postMessage = (data) => parent.postMessage(data, "*")</script>' +
        `<script src="${script.href}"></script>`;
      this.loaded = new Promise((done) => frame.addEventListener("load", done));
      this.listener = (event) => {
        if (event.source === frame.contentWindow) this.onmessage?.(event);
      };
      this.onmessage = null;
      this.frame = frame;
      window.addEventListener("message", this.listener);
      document.body.append(frame);
    }
    postMessage(data) {
      this.loaded.then(() => this.frame.contentWindow?.postMessage(data, "*"));
    }
    terminate() {
      window.removeEventListener("message", this.listener);
      this.frame.remove();
    }
  };
}
