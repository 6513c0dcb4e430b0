/** What was written and not sent yet: kept in the browser, so that neither a reload nor an error loses it. */
import { useCallback, useState } from "react";

function key(of: string): string {
  return `rackless.draft.${of}`;
}

function kept<T>(of: string): T | undefined {
  try {
    const found = localStorage.getItem(key(of));
    return found === null ? undefined : (JSON.parse(found) as T);
  } catch {
    return undefined;
  }
}

/** Begin a draft from elsewhere: it is found when its page opens. */
export function begin(of: string, draft: unknown): void {
  try {
    localStorage.setItem(key(of), JSON.stringify(draft));
  } catch {
    // The page then opens with what it has.
  }
}

export interface Draft<T> {
  /** Undefined when nothing was changed since `forget`. */
  draft: T | undefined;
  keep: (draft: T) => void;
  forget: () => void;
}

/** `of`: what is drafted; "new", or "lab NAME". */
export function useDraft<T>(of: string): Draft<T> {
  const [draft, setDraft] = useState<T | undefined>(() => kept<T>(of));
  const keep = useCallback(
    (fresh: T) => {
      setDraft(fresh);
      try {
        localStorage.setItem(key(of), JSON.stringify(fresh));
      } catch {
        // Without storage, or with too much in it, the draft lasts as long as the page.
      }
    },
    [of],
  );
  const forget = useCallback(() => {
    setDraft(undefined);
    try {
      localStorage.removeItem(key(of));
    } catch {
      // There was nothing kept then.
    }
  }, [of]);
  return { draft, keep, forget };
}
