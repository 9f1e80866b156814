// A stand-in for RTCPeerConnection in page tests: connects at once and shows a drawn person in
// every receive slot, so that pages can be looked at without a media server.
(() => {
  const hues = [210, 25, 150, 280, 340, 95, 185, 45, 240, 0, 120, 300, 60, 195, 320, 170, 15, 75, 225, 260, 135, 355, 105, 30];
  function person(number) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [640, 360];
    const paint = canvas.getContext("2d");
    const draw = () => {
      const hue = hues[number % hues.length];
      const wall = paint.createLinearGradient(0, 0, 640, 360);
      wall.addColorStop(0, `hsl(${hue} 25% 62%)`);
      wall.addColorStop(1, `hsl(${hue + 20} 30% 34%)`);
      paint.fillStyle = wall;
      paint.fillRect(0, 0, 640, 360);
      paint.fillStyle = `hsl(${hue + 180} 18% 25%)`;
      paint.beginPath(); paint.ellipse(320, 390, 170, 150, 0, 0, 7); paint.fill();
      paint.fillStyle = "hsl(28 45% 70%)";
      paint.beginPath(); paint.ellipse(320, 175, 62, 78, 0, 0, 7); paint.fill();
      paint.fillStyle = "hsl(20 20% 16%)";
      paint.beginPath(); paint.ellipse(320, 122, 66, 44, 0, 0, 7); paint.fill();
      paint.fillRect(0, 330, 640, 30);
    };
    draw();
    setInterval(draw, 1000);
    return canvas.captureStream(2).getVideoTracks()[0];
  }
  function silence() {
    const context = new AudioContext();
    return context.createMediaStreamDestination().stream.getAudioTracks()[0];
  }
  let slots = 0;
  window.fakePeers = [];
  window.RTCPeerConnection = class {
    connectionState = "new";
    localDescription = null;
    onconnectionstatechange = null;
    constructor() { window.fakePeers.push(this); }
    addTransceiver(kind, { direction }) {
      const track = direction !== "recvonly" ? null : kind === "video" ? person(slots++) : silence();
      const sender = { replaceTrack: async () => {}, getParameters: () => ({}), setParameters: async () => {} };
      return { receiver: { track }, sender, setCodecPreferences() {} };
    }
    async createOffer() { return { type: "offer", sdp: "v=0" }; }
    async setLocalDescription(description) { this.localDescription = description; slots = 0; }
    async setRemoteDescription() { setTimeout(() => this.become("connected"), 20); }
    become(state) { this.connectionState = state; this.onconnectionstatechange?.(); }
    async getStats() { return new Map(); }
    close() { this.connectionState = "closed"; }
  };
})();
