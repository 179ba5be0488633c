"""Padding and batch mates change nothing, the LSTM is torch's own, and attention is a share of time."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ser.configuration_mfcc_lstm import VIEWS, MfccLstmConfig
from ser.modeling_mfcc_lstm import (
    AttentiveStatisticsPooling,
    BidirectionalLstm,
    MfccLstmForAudioClassification,
    deltas,
    relative_to_speech,
)

HYBRID = {"conv_channels": [12, 10, 8], "conv_strides": [2, 3, 1], "conv_kernel_size": 5}
PLAIN = {"conv_channels": [], "conv_strides": []}
LENGTHS = [37, 1, 60, 6, 25]


@pytest.fixture(params=["hybrid", "plain"])
def model(request) -> MfccLstmForAudioClassification:
    return build(**(HYBRID if request.param == "hybrid" else PLAIN))


def build(**settings) -> MfccLstmForAudioClassification:
    """A small model in eval mode whose weights and batch statistics are all random."""
    torch.manual_seed(0)
    sizes = {
        "feature_size": 6,
        "hidden_size": 7,
        "attention_size": 5,
        "num_hidden_layers": 2,
        "ensemble_size": 1,
    }
    model = MfccLstmForAudioClassification(MfccLstmConfig(**(sizes | {"num_labels": 8} | settings)))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.normal_(module.bias)  # a convolution of silence then is no silence
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return model.eval()


def clips(lengths: list[int] = LENGTHS, feature_size: int = 6) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(length, feature_size, generator=generator) for length in lengths]


def pad(features: list[torch.Tensor], num_frames: int, value: float = 0.0) -> dict[str, torch.Tensor]:
    """A batch as the feature extractor pads it."""
    batch = torch.full((len(features), num_frames, features[0].shape[1]), value)
    mask = torch.zeros(len(features), num_frames, dtype=torch.int32)
    for row, clip in enumerate(features):
        batch[row, : len(clip)], mask[row, : len(clip)] = clip, 1
    return {"input_features": batch, "attention_mask": mask}


@torch.no_grad()
def test_logits_do_not_change_with_batch_mates(model):
    together = model(**pad(clips(), 60)).logits
    alone = torch.cat([model(clip[None]).logits for clip in clips()])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)
    assert (alone.std(dim=0) > 1e-3).all()  # else anything would agree


@torch.no_grad()
@pytest.mark.parametrize("num_frames", [61, 64, 95, 200])
@pytest.mark.parametrize("value", [0.0, 5.0])
def test_padding_does_not_change_logits(model, num_frames: int, value: float):
    expected = model(**pad(clips(), 60)).logits
    torch.testing.assert_close(model(**pad(clips(), num_frames, value)).logits, expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_without_a_mask_every_frame_counts(model):
    (clip,) = clips([30])
    expected = model(clip[None], attention_mask=torch.ones(1, 30)).logits
    torch.testing.assert_close(model(clip[None]).logits, expected)


def test_lstm_is_torchs_packed_bidirectional_lstm():
    torch.manual_seed(0)
    ours = BidirectionalLstm(6, 7)
    theirs = nn.LSTM(6, 7, batch_first=True, bidirectional=True)
    state = dict(ours.forward_lstm.state_dict())
    state |= {f"{name}_reverse": weight for name, weight in ours.backward_lstm.state_dict().items()}
    theirs.load_state_dict(state)
    batch = pad(clips(), 70, value=9.0)
    hidden = batch["input_features"].requires_grad_()
    packed = pack_padded_sequence(hidden, LENGTHS, batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(theirs(packed)[0], batch_first=True, total_length=70)
    mask = batch["attention_mask"][:, :, None]
    found = ours(hidden, batch["attention_mask"].float()) * mask
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    upstream = torch.randn(found.shape)
    gradients = [torch.autograd.grad((output * upstream).sum(), hidden)[0] for output in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-5)


@torch.no_grad()
def test_attention_is_a_share_of_time(model):
    output = model(**pad(clips(), 70))
    stride = model.config.total_stride
    assert output.attention_weights.shape == (5, -(-70 // stride))
    for weights, length in zip(output.attention_weights, LENGTHS, strict=True):
        num_frames = -(-length // stride)
        assert weights.sum().item() == pytest.approx(1.0, abs=1e-6)
        assert (weights[:num_frames] > 0).all()
        assert (weights[num_frames:] == 0).all()


@torch.no_grad()
def test_pooling_is_the_weighted_mean_and_standard_deviation():
    torch.manual_seed(0)
    pooling = AttentiveStatisticsPooling(6, 5)
    hidden, mask = pad(clips([9]), 12, value=3.0).values()
    pooled, weights = pooling(hidden, mask)
    score = pooling.score(torch.tanh(pooling.projection(hidden[0, :9])))
    share = score.softmax(dim=0)
    mean = (share * hidden[0, :9]).sum(dim=0)
    std = (share * (hidden[0, :9] - mean) ** 2).sum(dim=0).sqrt()
    torch.testing.assert_close(pooled[0], torch.cat([mean, std]))
    torch.testing.assert_close(weights[0, :9], share[:, 0])


def test_a_single_frame_has_finite_gradients(model):
    model(clips([1])[0][None], labels=torch.tensor([3])).loss.backward()
    assert all(torch.isfinite(weight.grad).all() for weight in model.parameters())


@torch.no_grad()
def test_loss_is_cross_entropy_for_hard_and_soft_labels(model):
    batch = pad(clips(), 60)
    labels = torch.tensor([0, 3, 7, 7, 1])
    output = model(**batch, labels=labels)
    log_prob = output.logits.log_softmax(dim=-1)  # of one member, at temperature 1
    assert output.loss.item() == pytest.approx(-log_prob[range(5), labels].mean().item(), rel=1e-5)
    assert model(**batch).loss is None
    soft = torch.rand(5, 8).softmax(dim=-1)
    expected = -(soft * log_prob).sum(dim=-1).mean().item()
    assert model(**batch, labels=soft).loss.item() == pytest.approx(expected, rel=1e-5)
    one_hot = torch.eye(8)[labels]
    torch.testing.assert_close(model(**batch, labels=one_hot).loss, output.loss)


@torch.no_grad()
def test_temperature_divides_the_logits(model):
    batch = pad(clips(), 60)
    sure = model(**batch).logits
    model.config.temperature = 2.5
    torch.testing.assert_close(model(**batch).logits, sure / 2.5)


@torch.no_grad()
def test_the_loss_is_taken_at_temperature_one(model):
    """Whoever fine-tunes a calibrated checkpoint trains what they think."""
    batch, labels = pad(clips(), 60), torch.tensor([0, 3, 7, 7, 1])
    expected = model(**batch, labels=labels).loss
    model.config.temperature = 0.5
    assert model(**batch, labels=labels).loss == expected


@torch.no_grad()
def test_padding_on_the_left_gives_the_same(model):
    right = pad(clips(), 60)
    left = {name: torch.zeros_like(value) for name, value in right.items()}
    for row, length in enumerate(LENGTHS):
        for name, value in right.items():
            left[name][row, 60 - length :] = value[row, :length]
    torch.testing.assert_close(model(**left).logits, model(**right).logits, rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("mask", [[1, 1, 0, 1], [0, 0, 0, 0]])
def test_a_mask_with_a_hole_is_refused(model, mask):
    with pytest.raises(ValueError, match="one stretch of ones in each clip"):
        model(torch.zeros(1, 4, 6), attention_mask=torch.tensor([mask]))


@torch.no_grad()
def test_several_labels_a_clip_are_scored_each_for_itself(model):
    model.config.problem_type = "multi_label_classification"
    labels = (torch.arange(40) % 3 == 0).float().view(5, 8)
    output = model(**pad(clips(), 60), labels=labels)
    members = output.member_logits
    expected = nn.functional.binary_cross_entropy_with_logits(members, labels.expand_as(members))
    torch.testing.assert_close(output.loss, expected)


def test_weights_that_are_not_finite_are_refused(model, tmp_path):
    model.members[0].classifier.bias.data[0] = float("nan")
    model.save_pretrained(tmp_path)
    with pytest.raises(RuntimeError, match="not all finite"):
        MfccLstmForAudioClassification.from_pretrained(tmp_path)


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_checkpoint_in_half_precision_answers(model, tmp_path, dtype):
    expected = model(**pad(clips(), 60)).logits
    model.to(dtype).save_pretrained(tmp_path)
    found = MfccLstmForAudioClassification.from_pretrained(tmp_path).eval()(**pad(clips(), 60)).logits
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), expected, rtol=0, atol=0.05)


@torch.no_grad()
def test_hidden_states_are_the_lstms_input_and_each_layers_output(model):
    batch = pad(clips(), 60)
    assert model(**batch).hidden_states is None
    states = model(**batch, output_hidden_states=True).hidden_states
    num_frames, width = -(-60 // model.config.total_stride), [6, *model.config.conv_channels][-1]
    assert [tuple(state.shape) for state in states] == [
        (5, num_frames, width),
        (5, num_frames, 14),
        (5, num_frames, 14),
    ]
    mask = batch["attention_mask"][:, :: model.config.total_stride].float()
    torch.testing.assert_close(states[1], model.members[0].lstm_layers[0](states[0], mask))
    torch.testing.assert_close(states[2], model.members[0].lstm_layers[1](states[1], mask))
    model.config.output_hidden_states = True
    assert len(model(**batch).hidden_states) == 3


@torch.no_grad()
@pytest.mark.parametrize(("width", "times"), [(7, 2), (14, 1), (6, 0)])
def test_a_residual_connection_leads_around_an_lstm_that_is_wide_enough(width: int, times: int):
    """With weights of zero an LSTM says nothing: what comes out came around it."""
    layer = BidirectionalLstm(width, 7)
    for parameter in layer.parameters():
        parameter.zero_()
    hidden = torch.randn(2, 9, width)
    expected = hidden.repeat(1, 1, times) if times else torch.zeros(2, 9, 14)
    torch.testing.assert_close(layer(hidden, torch.ones(2, 9)), expected)


@torch.no_grad()
def test_a_tuple_holds_what_the_output_holds(model):
    batch = pad(clips(), 60)
    output = model(**batch, labels=torch.zeros(5, dtype=torch.long), output_hidden_states=True)
    found = model(
        **batch, labels=torch.zeros(5, dtype=torch.long), output_hidden_states=True, return_dict=False
    )
    assert list(output) == ["loss", "logits", "attention_weights", "hidden_states", "member_logits"]
    for ours, theirs in zip(found, output.to_tuple(), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert len(model(**batch, return_dict=False)) == 3


@torch.no_grad()
def test_an_ensemble_answers_with_its_members_mean_and_teaches_each_alone():
    ensemble = build(**HYBRID, ensemble_size=3, temperature=1.5)
    batch, labels = pad(clips(), 60), torch.tensor([0, 3, 7, 7, 1])
    found = ensemble(**batch, labels=labels, output_hidden_states=True)
    expected = []
    for member, view in zip(ensemble.members, ["absolute", "relative", "delta"], strict=True):
        single = build(**HYBRID, temperature=1.5, views=[view])
        single.members[0].load_state_dict(member.state_dict())
        expected.append(single(**batch, labels=labels, output_hidden_states=True))
    assert not torch.allclose(expected[0].logits, expected[1].logits)
    for name in ("logits", "attention_weights", "loss"):
        mean = torch.stack([each[name] for each in expected]).mean(dim=0)
        torch.testing.assert_close(found[name], mean)
    of_members = [state for each in expected for state in each.hidden_states]
    for state, of_member in zip(found.hidden_states, of_members, strict=True):
        torch.testing.assert_close(state, of_member)


@torch.no_grad()
@pytest.mark.parametrize("settings", [HYBRID, PLAIN], ids=["hybrid", "plain"])
@pytest.mark.parametrize("view", VIEWS)
def test_what_is_the_same_in_every_frame_is_heard_in_the_absolute_view_alone(settings: dict, view: str):
    model = build(**settings, views=[view])
    colour = torch.linspace(-2.0, 3.0, 6)
    plain, coloured = (model(**pad(each, 60)).logits for each in (clips(), [x + colour for x in clips()]))
    assert torch.allclose(plain, coloured, rtol=1e-4, atol=1e-5) == (view != "absolute")


def test_the_mean_of_the_relative_view_is_that_of_the_speech():
    pause, speech = torch.full((30, 6), -4.0), torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
    speech[:, 0] = torch.linspace(0.0, 2.9, 40)
    batch = pad([torch.cat([pause, speech, pause]), speech], 100)
    for clip, frames in zip(relative_to_speech(**renamed(batch)), (slice(30, 70), slice(0, 40)), strict=True):
        torch.testing.assert_close(clip[frames], speech - speech.mean(dim=0))


def test_deltas_are_differences_of_frames_inside_the_clip():
    long, short = clips([9, 3])
    found = deltas(**renamed(pad([long, short], 12)))
    torch.testing.assert_close(found[0, 2:7], long[4:] - long[:-4])
    assert not found[0, :2].any()
    assert not found[0, 7:].any()
    assert not found[1].any()


def renamed(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A padded batch as the views take it."""
    return {"features": batch["input_features"], "mask": batch["attention_mask"].float()}


def test_dropout_works_in_training_only(model):
    batch = pad(clips(), 60)
    torch.testing.assert_close(model(**batch).logits, model(**batch).logits, rtol=0, atol=0)
    model.train()
    assert not torch.allclose(model(**batch).logits, model(**batch).logits)


def test_a_fresh_network_starts_as_it_should():
    torch.manual_seed(0)
    model = MfccLstmForAudioClassification(MfccLstmConfig())
    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm1d):
            assert (module.weight == 1).all()
            assert not module.bias.any()
        elif isinstance(module, nn.Conv1d | nn.Linear | nn.LSTM):
            fan_in = module.hidden_size if isinstance(module, nn.LSTM) else module.weight[0].numel()
            for parameter in module.parameters():
                scaled = parameter.detach() * fan_in**0.5
                assert scaled.abs().max() <= 1.0, name
                if len(scaled) > 90:
                    assert scaled.std().item() == pytest.approx(3**-0.5, rel=0.2), name
    for name, statistic in model.named_buffers():
        assert (statistic == ("running_var" in name)).all()


def test_saving_and_loading_gives_the_same_logits_bit_for_bit(model, tmp_path: Path):
    model.save_pretrained(tmp_path)
    loaded = MfccLstmForAudioClassification.from_pretrained(tmp_path)
    assert not loaded.training
    assert loaded.state_dict().keys() == model.state_dict().keys()
    for name, weight in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight), name
    with torch.no_grad():
        batch = pad(clips(), 60)
        assert torch.equal(loaded(**batch).logits, model(**batch).logits)


def test_a_saved_model_names_its_code(model, tmp_path: Path):
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["auto_map"] == {
        "AutoConfig": "configuration_mfcc_lstm.MfccLstmConfig",
        "AutoModelForAudioClassification": "modeling_mfcc_lstm.MfccLstmForAudioClassification",
    }


def test_what_is_loaded_is_not_started_anew():
    """Of a layer that is loaded in part, only the rest is initialised."""
    model = build(**PLAIN)
    state = {name: torch.full_like(weight, 7.0) for name, weight in model.state_dict().items()}
    kept = {name: state[name] for name in state if "bias_ih" in name or name == "members.0.classifier.weight"}
    loaded = MfccLstmForAudioClassification.from_pretrained(None, config=model.config, state_dict=kept)
    for name, weight in loaded.state_dict().items():
        assert (weight == 7.0).all() == (name in kept), name


def test_the_shipped_architecture_fits_its_budget():
    num_parameters = sum(
        weight.numel() for weight in MfccLstmForAudioClassification(MfccLstmConfig(num_labels=8)).parameters()
    )
    assert num_parameters <= 1_000_000


def test_regression_is_refused_where_a_loss_is_asked_for():
    config = MfccLstmConfig(conv_channels=[], conv_strides=[], hidden_size=4, problem_type="regression")
    model = MfccLstmForAudioClassification(config)
    with pytest.raises(ValueError, match="the model classifies"):
        model(torch.zeros(1, 5, config.feature_size), labels=torch.zeros(1, dtype=torch.long))
