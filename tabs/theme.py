"""The look: warm paper, ink and one green accent, light and dark, with fonts that the app itself serves."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.themes import Color, Font
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from pipelines.weights import ASSETS

FONT_FOLDER = ASSETS / "page" / "fonts"
FONTS = (
    ("Source Sans 3", 400, "SourceSans3-Regular"),
    ("Source Sans 3", 600, "SourceSans3-SemiBold"),
    ("Lora", 600, "Lora-SemiBold"),
    ("IBM Plex Mono", 400, "IBMPlexMono-Regular"),
)

ACCENT = Color(
    name="accent",
    c50="#effaf6",
    c100="#d6f1e7",
    c200="#afe3d2",
    c300="#7fcfb8",
    c400="#4db59b",
    c500="#2a9a80",
    c600="#177a65",
    c700="#116353",
    c800="#104f43",
    c900="#0f4138",
    c950="#072520",
)
PAPER = Color(
    name="paper",
    c50="#fbfaf7",
    c100="#f4f2ec",
    c200="#e6e2d8",
    c300="#d0cabd",
    c400="#9d978a",
    c500="#736e64",
    c600="#575349",
    c700="#3b3932",
    c800="#262522",
    c900="#1b1b19",
    c950="#131312",
)


def theme() -> gr.themes.Base:
    """Gradio's base theme with our colours, fonts and a little more air."""
    base = gr.themes.Base(
        primary_hue=ACCENT,
        secondary_hue=ACCENT,
        neutral_hue=PAPER,
        text_size=gr.themes.sizes.text_md,
        radius_size=gr.themes.sizes.radius_md,
        font=(Font("Source Sans 3"), "system-ui", "sans-serif"),
        font_mono=(Font("IBM Plex Mono"), "ui-monospace", "monospace"),
    )
    return base.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_800",
        body_text_color_dark="*neutral_100",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="#a8a296",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_700",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="#b9b3a7",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="#a8a296",
        color_accent="*primary_600",
        border_color_primary="*neutral_200",
        border_color_primary_dark="*neutral_700",
        input_background_fill="white",
        input_background_fill_dark="*neutral_950",
        background_fill_secondary="*neutral_100",
        background_fill_secondary_dark="*neutral_800",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_400",
        button_primary_background_fill_hover_dark="*primary_300",
        button_primary_text_color="white",
        button_primary_text_color_dark="*primary_950",
        button_secondary_background_fill="*neutral_100",
        button_secondary_background_fill_hover="*neutral_200",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover_dark="*neutral_700",
        button_secondary_text_color="*neutral_800",
        button_secondary_text_color_dark="*neutral_100",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
        link_text_color_hover="*primary_800",
        link_text_color_hover_dark="*primary_200",
        link_text_color_visited="*primary_700",
        link_text_color_visited_dark="*primary_300",
        link_text_color_active="*primary_700",
        link_text_color_active_dark="*primary_300",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
        checkbox_background_color_selected="*primary_600",
        checkbox_background_color_selected_dark="*primary_500",
        checkbox_label_background_fill_selected="*primary_50",
        checkbox_label_background_fill_selected_dark="*primary_900",
        loader_color="*primary_500",
    )


def css() -> str:
    """The page's style sheet, with the fonts' addresses under this server."""
    faces = [
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; font-display: swap; '
        f'src: url("fonts/{file}.woff2") format("woff2"); }}'
        for family, weight, file in FONTS
    ]
    return "\n".join(faces) + Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def fonts() -> Mount:
    """The route from which the page takes its fonts."""
    return Mount("/fonts", StaticFiles(directory=FONT_FOLDER))


def head() -> str:
    """The page's script, for <head>."""
    return f"<script>{Path(__file__).with_name('page.js').read_text(encoding='utf-8')}</script>"
