import torch

from murai_show.train.lesson import sensor_noise
from murai_show.train.motion import inside, smooth_flow, warp


def shift(x: float, y: float, size: int = 12) -> torch.Tensor:
    return torch.tensor([x, y], dtype=torch.float32).view(1, 2, 1, 1).expand(1, 2, size, size)


def test_a_flow_points_to_where_the_picture_was() -> None:
    """Backward: the moved picture at p shows the picture at p + flow(p); whole pixels are exact."""
    picture = torch.rand(1, 3, 12, 12)
    moved = warp(picture, shift(3, -2))
    assert torch.allclose(moved[..., 2:, :-3], picture[..., :-2, 3:], atol=1e-5)


def test_no_flow_changes_nothing() -> None:
    picture = torch.rand(2, 3, 9, 14)
    still = torch.zeros(2, 2, 9, 14)
    assert torch.allclose(warp(picture, still), picture, atol=1e-5)
    assert inside(still).min() == 1.0


def test_what_the_picture_did_not_have_is_outside() -> None:
    mask = inside(shift(3, -2))[0, 0]
    assert mask[:2].max() == mask[:, -3:].max() == 0.0
    assert mask[2:, :-3].min() == 1.0


def test_flows_are_smooth_differ_and_come_back_by_seed_and_step() -> None:
    flow = smooth_flow(3, 40, 48, seed=5, step=7)
    assert flow.shape == (3, 2, 40, 48)
    assert torch.equal(flow, smooth_flow(3, 40, 48, seed=5, step=7))
    assert not torch.equal(flow, smooth_flow(3, 40, 48, seed=5, step=8))
    assert not torch.equal(flow[0], flow[1])
    bent = (flow[..., 1:] - flow[..., :-1]).abs().max()
    assert 0 < bent < 1.5  # no fold: neighbours stay neighbours
    assert 2 < flow.abs().max() < 25


def test_a_process_draws_the_motion_and_noise_of_its_own_places() -> None:
    whole = smooth_flow(4, 16, 16, seed=5, step=7)
    part = smooth_flow(4, 16, 16, seed=5, step=7, pictures=range(2, 4))
    assert torch.allclose(part, whole[2:], atol=1e-5)
    photo = torch.rand(4, 3, 16, 16)
    noise = sensor_noise(photo, 5, 7)
    assert torch.equal(sensor_noise(photo[2:], 5, 7, first=2), noise[2:])
    assert ((noise.std((1, 2, 3)) > 0.008) & (noise.std((1, 2, 3)) < 0.07)).all()
    assert not torch.equal(noise[0], noise[1])
    assert not torch.equal(noise, sensor_noise(photo, 5, 8))
