"""What w is made of, in place of the Gaussian code."""

import numpy as np
import torch

from pipelines.backbones.head3d_description import DESCRIPTION_DIM, describe, descriptions
from pipelines.backbones.head3d_person import IDENTITY_MODES, SCALARS, STYLES, Z_DIM, person_from


def test_entries_are_finite_and_of_about_unit_spread():
    rows = descriptions(torch.randn(500, Z_DIM, generator=torch.Generator().manual_seed(0)))
    assert rows.shape == (500, DESCRIPTION_DIM) and rows.dtype == torch.float32
    assert rows.isfinite().all()
    assert (rows.std(0) > 0.05).all() and (rows.std(0) < 1.5).all()


def test_the_style_is_marked_and_the_rest_follows_the_person():
    person = person_from(np.random.default_rng(1).standard_normal(Z_DIM))
    row = describe(person)
    np.testing.assert_array_equal(row[:IDENTITY_MODES], person.identity)
    styles = row[IDENTITY_MODES : IDENTITY_MODES + len(STYLES)]
    assert STYLES[int(styles.argmax())] == person.style and (styles > 0).sum() == 1


def test_one_entry_of_the_code_moves_few_of_the_description():
    z = np.zeros(Z_DIM)
    smiling = z.copy()
    smiling[IDENTITY_MODES + len(STYLES) + SCALARS.index("smile")] = 1.5
    assert (describe(person_from(z)) != describe(person_from(smiling))).sum() == 1


def test_each_row_is_described_by_itself():
    z = torch.randn(3, Z_DIM, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(descriptions(z)[1:2], descriptions(z[1:2]))
