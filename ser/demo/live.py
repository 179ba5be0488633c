"""The Live tab: the microphone streams, and bars and a rolling timeline follow."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from ser.audio import AudioError, load_audio
from ser.demo.chart import axis_row, timeline_rows
from ser.demo.live_session import SHOWN_SECONDS, LiveSession
from ser.demo.verdict import live_html, waiting_html
from ser.recognizer import EmotionRecognizer

STREAM_EVERY_SECONDS = 0.3  # from one chunk of sound to the next
# Gradio 6.31 does not hand an event's `stream_every` to the page, which would send ten chunks a second.
SET_STREAM_EVERY = f"() => ({{__type__: 'update', stream_every: {STREAM_EVERY_SECONDS}}})"
TIME_LIMIT_SECONDS = 15 * 60  # then the microphone is let go; Record starts anew
MAX_NUM_LISTENED_TO = 16  # people at once; others wait for a place
FORGET_SECONDS = 30 * 60  # after the last chunk, the session is dropped


def add_live_tab(recognizer: EmotionRecognizer) -> None:
    """Add the tab's parts and events to the page being built."""
    emotions = recognizer.emotions
    threshold = recognizer.not_sure_below

    def listen(session: LiveSession | None, audio: str | None) -> tuple[Any, ...]:
        session = session or LiveSession()
        if audio is None:
            return session, gr.skip(), gr.skip(), gr.skip()
        try:
            chunk = load_audio(audio, recognizer.sampling_rate)
        except AudioError:  # the end of a recording may hold less than a syllable
            return session, gr.skip(), gr.skip(), gr.skip()
        finally:
            Path(audio).unlink(missing_ok=True)  # nobody plays it again
        session.follow(chunk, recognizer)
        heard = session.windows[-1].probabilities
        return (
            session,
            live_html(heard, threshold),
            bars_html(heard, emotions),
            rolling_html(session, emotions),
        )

    def start() -> tuple[Any, ...]:
        session = LiveSession()
        return session, live_html(None, threshold), bars_html(None, emotions), rolling_html(session, emotions)

    with gr.Tab("Live", id="live"):
        session = gr.State(time_to_live=FORGET_SECONDS)
        with gr.Row():
            with gr.Column():
                microphone = gr.Audio(
                    label="Microphone", sources=["microphone"], type="filepath", streaming=True, buttons=[]
                )
                verdict = gr.HTML(waiting_html(), elem_classes="live-verdict")
                gr.Markdown(
                    "The last three seconds are judged, three times a second; a silence starts a new "
                    "sentence. Nothing of what you say is kept.",
                    elem_classes="quiet",
                )
            with gr.Column():
                bars = gr.HTML(bars_html(None, emotions))
        rolling = gr.HTML(rolling_html(LiveSession(), emotions))
    outputs = [session, verdict, bars, rolling]
    microphone.start_recording(
        start, None, outputs, queue=False, show_progress="hidden", api_visibility="private"
    )
    microphone.start_recording(
        None, None, microphone, js=SET_STREAM_EVERY, show_progress="hidden", api_visibility="private"
    )
    microphone.stream(
        listen,
        [session, microphone],
        outputs,
        stream_every=STREAM_EVERY_SECONDS,
        time_limit=TIME_LIMIT_SECONDS,
        concurrency_limit=MAX_NUM_LISTENED_TO,
        show_progress="hidden",
        api_visibility="private",
    )


def bars_html(probabilities: Mapping[str, float] | None, emotions: Sequence[str]) -> str:
    """A bar for each emotion, always in the same place, empty in silence."""
    rows = []
    for emotion in emotions:
        percent = f"{probabilities[emotion]:.0%}" if probabilities else "–"
        width = 100 * probabilities[emotion] if probabilities else 0
        rows.append(
            f'<li class="bar-row emotion-{escape(emotion)}"><span class="name">{escape(emotion.capitalize())}'
            f'</span><span class="track"><span class="fill" style="width:{width:.1f}%"></span></span>'
            f'<span class="percent">{percent}</span></li>'
        )
    return (
        '<div class="panel"><p class="panel-title">Probability of each emotion now</p>'
        f'<ul class="bars">{"".join(rows)}</ul></div>'
    )


def rolling_html(session: LiveSession, emotions: Sequence[str]) -> str:
    """The last half minute, the present at the right edge."""
    end = max(session.elapsed_seconds, SHOWN_SECONDS)
    start = end - SHOWN_SECONDS
    rows = [*timeline_rows(session.windows, emotions, start, end), axis_row(start, end)]
    return (
        f'<figure class="chart live"><figcaption>The last {SHOWN_SECONDS:.0f} seconds. Hatched is silence.'
        f'</figcaption><div class="rows">{"".join(rows)}</div></figure>'
    )
