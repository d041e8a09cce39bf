"""Ready groups, written by us: people who truly differ, in the way people write."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.consensus.groups import Group, Opinion


@dataclass(frozen=True)
class Example:
    """A named group, and what some of its people (by name) may miss in a statement."""

    name: str
    group: Group
    critiques: dict[str, str]


def _example(name: str, question: str, *opinions: tuple[str, str], critiques: dict[str, str]) -> Example:
    group = Group(question, tuple(Opinion(person, text) for person, text in opinions))
    return Example(name, group, critiques)


EXAMPLES = (
    _example(
        "Cars in the city centre",
        "Should private cars be banned from the city centre?",
        (
            "Amara",
            "Yes, ban them. The air on my street is filthy, and my son has asthma. Streets without "
            "cars are safer for children and nicer for everybody.",
        ),
        (
            "Bruno",
            "I run a small shop and most of my customers come by car. A ban would kill my business, "
            "and the city never asks us first.",
        ),
        (
            "Chen",
            "I would gladly leave my car at home, but the bus comes twice an hour and stops at nine. "
            "Public transport has to be better before anything is banned.",
        ),
        (
            "Dolores",
            "I am seventy-eight and I can't walk far. Without a car I could not see my doctor or my "
            "friends. People with disabilities must be allowed to drive.",
        ),
        critiques={
            "Bruno": "Deliveries must be allowed in the morning, and shop owners have to be asked first.",
            "Dolores": "It forgets those of us who can't walk far.",
        },
    ),
    _example(
        "Four-day week",
        "Should full-time work be four days a week at the same pay?",
        (
            "Ellen",
            "Yes. Tired people make mistakes, and the trials I have read about show that the same "
            "work gets done in four days. Families need the time.",
        ),
        (
            "Farid",
            "It can't work in a hospital. We are short of nurses already, so a shorter week means "
            "that fewer patients are cared for.",
        ),
        (
            "Greta",
            "My company makes machine parts for a thin margin. Paying five days for four would send "
            "the orders abroad, and then the jobs are gone.",
        ),
        (
            "Hugo",
            "I like the idea, but it should be for each workplace to try and decide, and nobody "
            "should have to work ten hours a day to make up for it.",
        ),
        critiques={
            "Farid": "Hospitals need more nurses first. Nothing should change there before that.",
            "Greta": "It doesn't say who pays for it.",
        },
    ),
    _example(
        "Phones at school",
        "Should smartphones be banned in schools?",
        (
            "Ines",
            "As a teacher I lose ten minutes of every lesson to phones. They should stay at home or "
            "in a locker. Pupils talk to each other again when phones are gone.",
        ),
        (
            "Jonas",
            "I am sixteen. I use my phone to look up words and to take pictures of the board. A ban "
            "treats all of us like small children.",
        ),
        (
            "Kemal",
            "I want to be able to reach my daughter after school, because she takes the train alone. "
            "Phones must be allowed on the way, switched off in class is fine.",
        ),
        (
            "Lena",
            "The phone is where the bullying happens. My brother was filmed in the changing room. "
            "Schools have to protect pupils from that.",
        ),
        (
            "Mateo",
            "Bans only teach children to hide things. Schools should teach them how to use a phone "
            "well, since they will have one for all of their life.",
        ),
        critiques={
            "Jonas": "Pupils should be asked too. We need our phones for the timetable.",
            "Lena": "It leaves out the bullying.",
        },
    ),
    _example(
        "Nuclear power",
        "Should our country build new nuclear power stations?",
        (
            "Nadia",
            "Yes, we should build them. Nuclear power gives clean electricity day and night, and we "
            "will not meet our climate goals without it.",
        ),
        (
            "Oskar",
            "No. Nobody knows where to put the waste for a hundred thousand years, and an accident "
            "would ruin whole regions.",
        ),
        (
            "Priya",
            "They always cost three times as much as planned and come ten years late. Wind, sun and "
            "storage are cheaper, so the money should go there.",
        ),
        critiques={
            "Oskar": "A safe place for the waste must be found first.",
            "Priya": "It should say what it costs.",
        },
    ),
    _example(
        "A universal basic income",
        "Should the government pay everyone a basic income?",
        (
            "Quinn",
            "Everyone should get it. Nobody should have to fear hunger or beg at an office, and "
            "people could care for relatives or learn a trade.",
        ),
        (
            "Rosa",
            "Money without work is unfair to those who get up at five every morning. Many people "
            "would simply stop working.",
        ),
        (
            "Samir",
            "The state can't pay for it without huge taxes. Help should go to those who really need "
            "it, not to millionaires.",
        ),
        (
            "Tove",
            "The present system is so complicated that poor people get lost in it. Make it simple "
            "first, and try a basic income in one town before we decide.",
        ),
        (
            "Uwe",
            "I am afraid that a basic income will be an excuse to cut care for disabled people like "
            "my sister. That must never happen.",
        ),
        (
            "Vera",
            "Robots will do most jobs soon, and the companies that own them should pay. A basic "
            "income is the fair share of everyone.",
        ),
        critiques={
            "Uwe": "Care for disabled people must not be cut to pay for it.",
            "Samir": "It has to say where the money comes from.",
        },
    ),
)
