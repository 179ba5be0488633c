"""The Live tab: the microphone streams; level, answer, bars and a rolling timeline follow."""

from pathlib import Path
from typing import Any

import gradio as gr

from ser.audio import AudioError, load_audio
from ser.demo.answer import answer_html, card_html, error_html
from ser.demo.bars import bars_html
from ser.demo.chart import axis_row, timeline_rows
from ser.demo.live_session import SHOWN_SECONDS, LiveSession
from ser.demo.models import Models
from ser.demo.theme import label_styles
from ser.recognizer import EmotionRecognizer

STREAM_EVERY_SECONDS = 0.3  # from one chunk of sound to the next
# Gradio 6.31 does not hand an event's `stream_every` to the page, which would send ten chunks a second.
SET_STREAM_EVERY = f"() => ({{__type__: 'update', stream_every: {STREAM_EVERY_SECONDS}}})"
TIME_LIMIT_SECONDS = 15 * 60  # then the microphone is let go; Record starts anew
MAX_NUM_SPEAKERS = 16  # people who stream at once; others wait for a place
FORGET_SECONDS = 30 * 60  # after the last chunk, the session is dropped


def add_live_tab(models: Models, choice: gr.State | gr.Radio) -> None:
    """Add the tab's parts and events to the page being built.

    Args:
        models: The models that visitors may choose from.
        choice: Holds the name of the chosen one.
    """

    def listen(model: str, session: LiveSession | None, audio: str | None) -> tuple[Any, ...]:
        session = session or LiveSession()
        if audio is None:
            return session, gr.skip(), gr.skip(), gr.skip()
        try:
            recognizer = models[model]
            chunk = load_audio(audio, recognizer.sampling_rate)
        except AudioError:  # the end of a recording may hold less than a syllable
            return session, gr.skip(), gr.skip(), gr.skip()
        except (OSError, ValueError) as error:
            return session, error_html(str(error)), gr.skip(), gr.skip()
        finally:
            Path(audio).unlink(missing_ok=True)  # nobody plays it again
        session.follow(chunk, recognizer)
        return session, *_drawn(session, recognizer)

    with gr.Tab("Live", id="live"):
        session = gr.State(time_to_live=FORGET_SECONDS)
        with gr.Row():
            with gr.Column():
                microphone = gr.Audio(
                    label="Microphone",
                    sources=["microphone"],
                    type="filepath",
                    streaming=True,
                    buttons=[],
                    elem_classes="microphone",
                )
                answer = gr.HTML(
                    card_html("Ready", "Press Record and speak. Press Stop whenever you like.", role=""),
                    elem_classes="live-verdict",
                )
                gr.Markdown(
                    "The last three seconds are analysed three times a second, once there is a second of "
                    "speech; a silence starts a new sentence. Nothing of what you say is kept.",
                    elem_classes="quiet",
                )
            with gr.Column():
                bars = gr.HTML(_drawn(LiveSession(), models.default)[1])
        rolling = gr.HTML(_drawn(LiveSession(), models.default)[2])
    outputs = [session, answer, bars, rolling]
    microphone.start_recording(
        lambda model: (LiveSession(), *_drawn(LiveSession(), models[model])),
        choice,
        outputs,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    microphone.start_recording(
        None, None, microphone, js=SET_STREAM_EVERY, show_progress="hidden", api_visibility="private"
    )
    microphone.stream(
        listen,
        [choice, session, microphone],
        outputs,
        stream_every=STREAM_EVERY_SECONDS,
        time_limit=TIME_LIMIT_SECONDS,
        concurrency_limit=MAX_NUM_SPEAKERS,
        show_progress="hidden",
        api_visibility="private",
    )


def _drawn(session: LiveSession, recognizer: EmotionRecognizer) -> tuple[str, str, str]:
    """Return the answer of this moment, the bars and the timeline; not announced, for they change often."""
    styles = label_styles(recognizer.emotions)
    probabilities = session.windows[-1].probabilities if session.windows else None
    if probabilities is not None:
        confidence = recognizer.confidence(probabilities)
        answer = answer_html(probabilities, confidence, styles, role="")
    elif session.is_speech:
        answer = card_html("Listening", "The answer comes after a second of speech.", role="")
    else:
        answer = card_html("Silence", "Say something.", role="")
    bars = bars_html("Probability of each emotion now", recognizer.emotions, probabilities, styles)
    return level_html(session.level) + answer, bars, rolling_html(session, styles)


def level_html(level: float) -> str:
    """Draw the level of the microphone, 0 to 1."""
    percent = f"{100 * level:.0f}"
    return (
        f'<div class="level" role="meter" aria-label="Level of the microphone" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{percent}"><span style="width:{percent}%"></span></div>'
    )


def rolling_html(session: LiveSession, styles: dict[str, str]) -> str:
    """Draw the last half minute, the present at the right edge."""
    end = max(session.elapsed_seconds, SHOWN_SECONDS)
    start = end - SHOWN_SECONDS
    rows = [*timeline_rows(session.windows, styles, start, end), axis_row(start, end)]
    return (
        f'<figure class="chart live"><figcaption>The last {SHOWN_SECONDS:.0f} seconds. Hatched is silence.'
        f'</figcaption><div class="rows">{"".join(rows)}</div></figure>'
    )
