// The camera: pictures go to the code reader (zxing-cpp, WebAssembly from our own server) and nowhere else.

const PAUSE = 120; // milliseconds between two pictures
let reader = null;

// Load the reader; null where this server has not got it.
export async function loadReader() {
  if (reader) return reader;
  try {
    const module = await import("./zxing/reader/index.js");
    await module.prepareZXingModule({ overrides: { locateFile: () => new URL("zxing/zxing_reader.wasm", import.meta.url).href }, fireImmediately: true });
    reader = (picture) => module.readBarcodes(picture, { formats: ["QRCode"], tryHarder: true, maxNumberOfSymbols: 1 });
  } catch {
    return null;
  }
  return reader;
}

// Look through the camera until a code is read (`found` gets its text) or the returned function is called.
export async function look(video, found) {
  const read = await loadReader();
  const stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { facingMode: "environment", width: { ideal: 1280 } } });
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  let looking = true;
  const stop = () => {
    looking = false;
    stream.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
  };
  video.srcObject = stream;
  await video.play();
  (async () => {
    while (looking) {
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      if (canvas.width) {
        pen.drawImage(video, 0, 0);
        const [one] = await read(pen.getImageData(0, 0, canvas.width, canvas.height));
        if (one?.text && looking) {
          stop();
          found(one.text);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  })();
  return stop;
}
