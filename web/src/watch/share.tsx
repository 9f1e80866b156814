// The address to pass on. Works where the page is not secure and there is no clipboard object.
import { useSignal } from "@preact/signals";
import { Check, Copy, Share2 } from "lucide";
import { useRef } from "preact/hooks";
import { dictionary } from "../lib/i18n";
import { Button } from "../lib/ui/button";

const words = dictionary(
  { copy: "复制", copied: "已复制", failed: "没能复制，请选中地址自己复制。", send: "转发" },
  { copy: "Copy", copied: "Copied", failed: "Could not copy: please select the address and copy it.", send: "Send" },
);
const SHOWN_MS = 3000;

interface AddressProps {
  label: string;
  title: string;
  address: string;
}

export function Address({ label, title, address }: AddressProps) {
  const field = useRef<HTMLInputElement>(null);
  const done = useSignal<"" | "copied" | "failed">("");
  const w = words.value;
  const copy = async () => {
    done.value = (await copyText(address, field.current)) ? "copied" : "failed";
    setTimeout(() => (done.value = ""), SHOWN_MS);
  };
  const canSend = typeof navigator.share === "function";
  return (
    <div class="address">
      <input ref={field} readOnly value={address} aria-label={label} onFocus={(event) => event.currentTarget.select()} />
      <div class="row">
        <Button icon={done.value === "copied" ? Check : Copy} onClick={() => void copy()}>
          {done.value === "copied" ? w.copied : w.copy}
        </Button>
        {canSend && (
          <Button icon={Share2} onClick={() => void navigator.share({ title, url: address }).catch(() => undefined)}>
            {w.send}
          </Button>
        )}
      </div>
      <p class="only-read" role="status">{done.value === "copied" ? w.copied : ""}</p>
      {done.value === "failed" && <p class="quiet" role="alert">{w.failed}</p>}
    </div>
  );
}

export async function copyText(text: string, field: HTMLInputElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    field?.select(); // plain http has no clipboard object; the old way still works there
    return document.execCommand("copy");
  }
}
