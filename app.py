"""Nine Papers: one page, a tab for each of nine machine-learning papers of late 2022."""

from __future__ import annotations

import argparse
import os

import gradio as gr

from pipelines.weights import ASSETS, MODES
from tabs import TABS, home
from tabs.bartsmiles_board import editor_files
from tabs.theme import css, fonts, head, theme


def build_app() -> gr.Blocks:
    """Lay out the page: Home, then one tab per paper in the order of tabs.TABS."""
    with gr.Blocks(title="Nine Papers", analytics_enabled=False, delete_cache=(3600, 86400)) as demo:
        with gr.Tabs(elem_id="papers"):
            with gr.Tab("Home", id="home", elem_id="tab-home") as tab:
                home.build([module.PAPER for module in TABS])
            tab.select(None, js="() => ninePapersShowTab('home')")
            for module in TABS:
                paper = module.PAPER
                with gr.Tab(paper.tab, id=paper.name, elem_id=f"tab-{paper.name}") as tab:
                    module.build()
                tab.select(None, js=f"() => ninePapersShowTab('{paper.name}')")
    demo.queue(default_concurrency_limit=4, max_size=64)
    return demo


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and serve the page until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1; 0.0.0.0 for every network)")
    parser.add_argument("--port", type=int, help="default: the first free one from 7860")
    parser.add_argument("--share", action="store_true", help="open a public gradio.live link")
    parser.add_argument("--models", choices=MODES, default=os.environ.get("NINE_PAPERS_MODELS", "auto"))
    options = parser.parse_args(arguments)
    os.environ["NINE_PAPERS_MODELS"] = options.models
    build_app().launch(
        server_name=options.host,
        server_port=options.port,
        share=options.share,
        theme=theme(),
        css=css(),
        head=head(),
        app_kwargs={"routes": [fonts(), editor_files()]},
        allowed_paths=[str(ASSETS)],
        max_file_size="25mb",
        show_error=False,
        ssr_mode=False,
        footer_links=["api", "settings"],
    )


if __name__ == "__main__":
    main()
