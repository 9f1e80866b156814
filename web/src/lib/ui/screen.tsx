// One live picture. The stream of a slot never changes; what it shows does.
import { useEffect, useRef } from "preact/hooks";

interface ScreenProps {
  stream: MediaStream | null;
  label: string;
  mirrored?: boolean;
  onFirstPicture?: () => void;
}

export function Screen({ stream, label, mirrored, onFirstPicture }: ScreenProps) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (!element) return;
    element.srcObject = stream;
    if (!stream) return;
    void element.play().catch(() => undefined); // it plays when the first picture comes
    if (onFirstPicture && "requestVideoFrameCallback" in element) element.requestVideoFrameCallback(onFirstPicture);
  }, [stream]);
  return (
    <video ref={video} class={`screen ${mirrored ? "mirrored" : ""}`} muted playsInline autoplay
      aria-label={label} disablePictureInPicture />
  );
}
