import type { IconNode } from "lucide";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Icon } from "./icon";

interface ButtonProps extends Omit<JSX.IntrinsicElements["button"], "size" | "icon"> {
  icon?: IconNode;
  kind?: "main" | "plain";
  size?: "small" | "large";
  wide?: boolean;
  pressed?: boolean;
  shortcut?: string;
  children?: ComponentChildren;
}

export function Button({ icon, kind, size, wide, pressed, shortcut, children, class: extra, ...rest }: ButtonProps) {
  const classes = ["button", kind, size, wide && "wide", extra].filter(Boolean).join(" ");
  return (
    <button type="button" class={classes} {...(pressed !== undefined && { "aria-pressed": pressed })}
      {...(shortcut && { "aria-keyshortcuts": shortcut })} {...rest}>
      {icon && <Icon of={icon} />}
      {children !== undefined && <span>{children}</span>}
      {shortcut && <kbd aria-hidden="true">{shortcut}</kbd>}
    </button>
  );
}

const CONFIRM_MS = 3000;

/** The dangerous needs a second press within three seconds: no dialog in front of the picture. */
export function ConfirmButton({ again, onConfirm, children, ...rest }:
  ButtonProps & { again: string; onConfirm: () => void }) {
  const [armed, arm] = useState(false);
  useEffect(() => {
    if (!armed) return;
    const timer = setTimeout(() => arm(false), CONFIRM_MS);
    return () => clearTimeout(timer);
  }, [armed]);
  const press = () => {
    arm(!armed);
    if (armed) onConfirm();
  };
  return <Button {...rest} class={`${rest.class ?? ""} ${armed ? "armed" : ""}`} onClick={press}>{armed ? again : children}</Button>;
}
