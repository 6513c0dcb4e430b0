/** A blueprint as text: with colours, completion and explanations from the schema, and problems at their places. */
import "../styles/editor.css";
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, HighlightStyle, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Text } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, hoverTooltip, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";
import type { BlueprintProblem } from "../api/problem";
import { complete, hover } from "./completion";

export interface BlueprintEditorProps {
  value: string;
  onChange: (text: string) => void;
  /** What the field is, for screen readers. */
  label: string;
  /** Shown at their places. */
  problems: readonly BlueprintProblem[];
  readOnly?: boolean;
  /** Name of the blueprint's file: problems of other files have no place in this text. */
  file?: string;
}

const COLOURS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: [tags.string, tags.content], color: "var(--text)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--good)" },
  { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator, tags.bracket, tags.meta], color: "var(--muted)" },
]);

/** Where a problem is, as far as the text still has such a place. */
function diagnostic(doc: Text, problem: BlueprintProblem): Diagnostic {
  const line = doc.line(Math.min(Math.max(problem.line, 1), doc.lines));
  const start = Math.min(line.from + Math.max(problem.column - 1, 0), line.to);
  const word = /^[^\s,[\]{}#]+?(?=:?(?:[\s,[\]{}#]|$))/.exec(doc.sliceString(start, line.to))?.[0].length ?? 0;
  const placed = problem.line > 0;
  const [from, to] = placed ? [start, word ? start + word : Math.max(start, line.to)] : [0, doc.line(1).to];
  return { from, to, severity: "error", message: problem.hint ? `${problem.message}\n${problem.hint}` : problem.message };
}

export default function BlueprintEditor(props: BlueprintEditorProps) {
  const { value, problems, readOnly = false, label, file = "blueprint.yaml" } = props;
  const place = useRef<HTMLDivElement>(null);
  const held = useRef<EditorView | undefined>(undefined);
  const changed = useRef(props.onChange);
  const frozen = useRef(new Compartment());
  useEffect(() => {
    changed.current = props.onChange;
  });

  useEffect(() => {
    if (!place.current) return;
    const view = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: value,
        extensions: [
          lineNumbers(),
          history(),
          drawSelection(),
          highlightActiveLine(),
          highlightSelectionMatches(),
          bracketMatching(),
          closeBrackets(),
          indentUnit.of("  "),
          EditorState.tabSize.of(2),
          yaml(),
          syntaxHighlighting(COLOURS),
          lintGutter(),
          search({ top: true }),
          autocompletion({ override: [complete], activateOnTypingDelay: 80, icons: false }),
          hoverTooltip((at, position) => hover(at, position)),
          placeholder("name: my-lab"),
          frozen.current.of([EditorState.readOnly.of(readOnly), EditorView.editable.of(!readOnly)]),
          EditorView.contentAttributes.of({ "aria-label": label, "aria-multiline": "true", spellcheck: "false", tabindex: "0" }),
          keymap.of([
            ...closeBracketsKeymap,
            ...completionKeymap,
            ...lintKeymap,
            ...searchKeymap,
            ...historyKeymap,
            ...defaultKeymap,
            indentWithTab,
          ]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) changed.current(update.state.doc.toString());
          }),
        ],
      }),
    });
    held.current = view;
    return () => {
      view.destroy();
      held.current = undefined;
    };
    // What the editor holds is its own from here on; the next effects tell it what changes outside.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  useEffect(() => {
    const view = held.current;
    if (view && view.state.doc.toString() !== value) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: value } });
    }
  }, [value]);

  useEffect(() => {
    held.current?.dispatch({
      effects: frozen.current.reconfigure([EditorState.readOnly.of(readOnly), EditorView.editable.of(!readOnly)]),
    });
  }, [readOnly]);

  useEffect(() => {
    const view = held.current;
    if (!view) return;
    const mine = problems.filter((one) => !one.file || one.file === file);
    view.dispatch(
      setDiagnostics(
        view.state,
        mine.map((one) => diagnostic(view.state.doc, one)),
      ),
    );
  }, [problems, file]);

  return (
    <div className="blueprint-editor">
      <div ref={place} className="editor-place" />
      <p className="hint editor-keys">
        <kbd>Ctrl</kbd>+<kbd>Space</kbd> proposes, <kbd>Ctrl</kbd>+<kbd>Shift</kbd>+<kbd>M</kbd> lists the problems, <kbd>F8</kbd>{" "}
        goes to the next, <kbd>Esc</kbd> then <kbd>Tab</kbd> leaves.
      </p>
    </div>
  );
}
