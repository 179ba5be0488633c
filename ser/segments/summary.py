"""Summaries of a recording's segments, speaker by speaker."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ser.segments.segment import NOT_SURE, Segment


@dataclass(frozen=True)
class SpeakerSummary:
    """One speaker, or one channel, of a recording.

    Attributes:
        channel: Number of the channel; `None` where the speaker is on several.
        speaker: Name, where one is known.
        speech_seconds: How long they speak.
        non_speech_seconds: How long their channel holds other sound, such as music or noise.
        silence_seconds: How long their channel is silent.
        shares: Share of the speech with each emotion as the likeliest one, summing to one; zeros without
            speech.
        not_sure_share: Share of the speech whose answer is "not sure".
        out_of_distribution_share: Share of the speech that is unlike the training data.
        num_segments: Segments with speech.
        num_changes: How often the emotion differs from that of the previous segment with speech.
        longest_emotion: Emotion of the longest stretch of segments with the same one; `None` without speech.
        longest_start_seconds: Where that stretch begins.
        longest_end_seconds: Where it ends, pauses included.
    """

    channel: int | None
    speaker: str | None
    speech_seconds: float
    non_speech_seconds: float
    silence_seconds: float
    shares: dict[str, float]
    not_sure_share: float
    out_of_distribution_share: float
    num_segments: int
    num_changes: int
    longest_emotion: str | None
    longest_start_seconds: float | None
    longest_end_seconds: float | None


def summarise(segments: Iterable[Segment], emotions: Sequence[str]) -> list[SpeakerSummary]:
    """Summarise the segments of one recording: by speaker, where they have names, else by channel.

    Args:
        segments: In any order.
        emotions: All emotions of the model.
    """
    return [_summary(own, emotions) for own in by_speaker(segments)]


def by_speaker(segments: Iterable[Segment]) -> list[list[Segment]]:
    """Return the segments of each speaker by their start: by name, where there is one, else by channel."""
    of_speaker: dict[str | int, list[Segment]] = {}
    for segment in sorted(segments, key=lambda each: each.start_seconds):
        of_speaker.setdefault(segment.speaker or segment.channel, []).append(segment)
    return [of_speaker[key] for key in sorted(of_speaker, key=str)]


def shares_of_speech(segments: Iterable[Segment]) -> dict[str, float]:
    """Return the share of the speech with each label, the largest first, "not sure" last.

    Unlike the shares of a summary, those of answers that are not sure are put together.
    """
    seconds: dict[str, float] = {}
    for each in segments:
        if each.kind == "speech":
            seconds[each.label] = seconds.get(each.label, 0.0) + each.duration_seconds
    order = sorted(seconds, key=lambda label: (label == NOT_SURE, -seconds[label]))
    return {label: seconds[label] / sum(seconds.values()) for label in order}


def _summary(segments: list[Segment], emotions: Sequence[str]) -> SpeakerSummary:
    def seconds_of(chosen: Iterable[Segment]) -> float:
        return sum(each.duration_seconds for each in chosen)

    speech = [each for each in segments if each.kind == "speech"]
    stretches: list[list[Segment]] = []
    for each in speech:
        if stretches and stretches[-1][0].emotion == each.emotion:
            stretches[-1].append(each)
        else:
            stretches.append([each])
    longest = max(stretches, key=seconds_of, default=None)
    speech_seconds = seconds_of(speech)
    whole = speech_seconds or 1.0
    channels = {each.channel for each in segments}
    return SpeakerSummary(
        channel=channels.pop() if len(channels) == 1 else None,
        speaker=segments[0].speaker,
        speech_seconds=speech_seconds,
        non_speech_seconds=seconds_of(each for each in segments if each.kind == "non-speech"),
        silence_seconds=seconds_of(each for each in segments if each.kind == "silence"),
        shares={
            name: seconds_of(each for each in speech if each.emotion == name) / whole for name in emotions
        },
        not_sure_share=seconds_of(each for each in speech if not each.is_sure) / whole,
        out_of_distribution_share=seconds_of(each for each in speech if each.is_out_of_distribution) / whole,
        num_segments=len(speech),
        num_changes=max(len(stretches) - 1, 0),
        longest_emotion=longest[0].emotion if longest else None,
        longest_start_seconds=longest[0].start_seconds if longest else None,
        longest_end_seconds=longest[-1].end_seconds if longest else None,
    )
