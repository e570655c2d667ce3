/** From Chromium's PNG to a WebP small enough for a repository, by Chromium itself. */
import type { Page } from "playwright-core";

/** No picture is larger, in bytes: quality gives way first. */
const BYTES_MAX = 80_000;
const QUALITIES = [0.9, 0.82, 0.74, 0.64, 0.5];

/** `encoder` is any blank page. */
export async function toWebp(encoder: Page, png: Buffer): Promise<Buffer> {
  for (const quality of QUALITIES) {
    const webp = Buffer.from(await encode(encoder, png.toString("base64"), quality), "base64");
    if (webp.length <= BYTES_MAX) return webp;
  }
  throw new Error(`a screenshot of ${png.length} bytes does not become small enough`);
}

function encode(encoder: Page, png: string, quality: number): Promise<string> {
  return encoder.evaluate(
    async ({ png, quality }) => {
      const bytes = Uint8Array.from(atob(png), (char) => char.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
      canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
      const blob = await canvas.convertToBlob({ type: "image/webp", quality });
      const found = new Uint8Array(await blob.arrayBuffer());
      let text = "";
      for (const byte of found) text += String.fromCharCode(byte);
      return btoa(text);
    },
    { png, quality },
  );
}
