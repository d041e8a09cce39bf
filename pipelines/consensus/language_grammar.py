"""Words from which training statements are composed: how two points are set beside each other, and what may
be proposed, by the concern that an opinion voices.

p and q are points in favour, c and d points against; P and C are those with a capital letter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

BOTH = (
    "It is true that {p}, and just as true that {c}.",
    "{P}, and yet {c}.",
    "{P}; {c}.",
    "{C}, but {p} too.",
    "Those in favour are right that {p}, and those against that {c}.",
    "While {p}, we can't overlook that {c}.",
    "Although {c}, most of us see that {p}.",
    "Nobody here denies that {p} or that {c}.",
    "We want to act because {p}, and to be careful because {c}.",
    "Since {p}, doing nothing is no answer; since {c}, neither is doing everything at once.",
    "{P}. It also matters that {c}.",
    "Some of us stress that {p}, others that {c}, and these don't exclude each other.",
    "That {p} speaks for it, that {c} for taking care how it is done.",
    "If {p}, that is a reason to begin; if {c}, that is a reason to set limits.",
    "The strongest argument for it is that {p}, the strongest against it that {c}.",
    "{C}. Even so, {p}.",
    "We accept that {c}, as long as it is also heard that {p}.",
)
THREE = (
    "{P} and {q}, while {c}.",
    "{P}, but {c} and {d}.",
    "It counts for us that {p} and that {q}, and no less that {c}.",
    "{C} and {d}; on the other hand, {p}.",
    "We heard that {p}, that {c}, and that {d}.",
)
OPEN_FOR = (
    "Yes. ",
    "I'm in favour. ",
    "I agree. ",
    "Definitely. ",
    "We should. ",
    "I'm for it. ",
    "",
    "",
    "",
    "",
)
OPEN_AGAINST = (
    "No. ",
    "I'm against it. ",
    "I disagree. ",
    "We shouldn't. ",
    "I don't like it. ",
    "",
    "",
    "",
    "",
)
BECAUSE_FOR = (
    "I think so because {p}.",
    "For me what counts is that {p}.",
    "I believe that {p}.",
    "Yes, since {p}.",
)
BECAUSE_AGAINST = (
    "I'm against it because {c}.",
    "I worry that {c}.",
    "No, because {c}.",
    "My concern is that {c}.",
)


@dataclass(frozen=True)
class Concern:
    """`words`: a pattern of those that voice it; `wishes` of somebody undecided; `proposals` that meet it."""

    words: re.Pattern[str]
    wishes: tuple[str, ...]
    proposals: tuple[str, ...]


def _concern(words: str, wishes: tuple[str, ...], *proposals: str) -> Concern:
    return Concern(re.compile(rf"\b({words})", re.IGNORECASE), wishes, proposals)


CONCERNS = (
    _concern(
        "cost|expens|money|tax|pay|afford|fund|budget|waste|financ|cheap|price",
        ("It depends on who pays for it.", "I'd support it if it doesn't cost ordinary people more."),
        "The cost should be published each year and be borne by those who gain most, not by low earners.",
        "We would spend a fixed sum, say openly where it comes from, and stop if it isn't enough.",
        "Start small and cheap, and put in more money only where it has shown a result.",
        "Whoever can afford it pays a share, and people on low incomes pay nothing.",
        "Let half of the money come from savings elsewhere, so that no tax has to rise.",
        "An independent office should check the bill before the second step is taken.",
    ),
    _concern(
        "child|young|teen|student|parent|famil|school|educat|minor|kid|pupil",
        (
            "Children must be protected, the rest is up to adults.",
            "I'd leave it to the parents, within limits.",
        ),
        "For adults it can be free; for anyone under eighteen there should be an age limit that is enforced.",
        "Parents and teachers should decide together, and children should be asked as well.",
        "Schools ought to teach about it early, and a counsellor should be there for those who struggle.",
        "Let parents choose within limits that keep every child safe, with a visit once a year.",
        "What is right at sixteen may be wrong at six, so the rule should grow with the child's age.",
        "A few schools could try it for a year and tell the others what they learned.",
    ),
    _concern(
        "free|right|choice|choose|liberty|force|compuls|mandator|autonom|consent|decide",
        ("Nobody should be forced.", "I'd be fine with it if people can opt out."),
        "It should be offered to everyone and forced on nobody, with an easy way to opt out.",
        "Let people choose for themselves as long as they harm no one, and let the law step in only there.",
        "Information first, freedom second, and a ban only as the very last resort.",
        "Whoever objects for reasons of conscience may stay out, and does something useful instead.",
        "We would write the limits into the law, so that no government can stretch them later.",
        "Each community could vote on it, and anyone who disagrees keeps a way out.",
    ),
    _concern(
        "safe|danger|risk|health|harm|death|die|kill|injur|disease|accident|suffer|medic",
        ("Only if it is shown to be safe.", "Health has to come first, then we can talk."),
        "Independent experts should test it, and only what they find safe should be allowed.",
        "Begin where the risk is smallest, count every injury, and stop at once if there are more "
        "than before.",
        "There should be clear safety rules, trained people who check them, and real fines for "
        "breaking them.",
        "Those in danger get help first, and everyone else is told plainly about the risks.",
        "Doctors, not politicians, should draw the line, and they should draw it anew every two years.",
        "Protection for the weakest comes first; beyond that, adults may take a risk that is their own.",
    ),
    _concern(
        "privacy|data|surveil|secret|internet|online|digital|technolog|media|censor|spy|information",
        ("Who controls it? That's what I'd like to know.", "It needs rules that people can understand."),
        "A judge should have to agree in every single case, and the public should learn how often "
        "that happens.",
        "Only what is needed may be stored, and it must be deleted after six months.",
        "Let an independent office watch over it, with the power to say no.",
        "Companies should have to show what they do with it, and users should be able to switch it off.",
        "Openness by default, with narrow exceptions that are written down, would serve both sides.",
    ),
    _concern(
        "environment|climate|pollut|nature|energy|carbon|animal|species|forest|emission|planet",
        (
            "I want to protect nature, but step by step.",
            "We owe it to our grandchildren, if it's done fairly.",
        ),
        "We set a goal for ten years from now, take a step each year, and help those who have to "
        "change most.",
        "What does the most damage should go first, and what people need to live should go last.",
        "Those who pollute should pay, and the money should go back to households in equal parts.",
        "Protected areas should grow where few people lose by it, and those few should be paid fairly.",
        "Animals must not suffer for convenience; where there is no other way, strict limits should apply.",
    ),
    _concern(
        "religio|belie|god|church|tradition|cultur|moral|ethic|value|faith|sacred|ident|languag",
        ("People should respect each other's beliefs here.", "Traditions can change, but slowly please."),
        "Believers should be able to live by their rules, and nobody else should have to.",
        "We keep the tradition where people want it, and open a second way for those who don't.",
        "The state should stay neutral: it protects the custom, and it protects those who leave it.",
        "Let each side say what is sacred to it, and let the law touch that only to prevent harm.",
        "Old and new can stand side by side for a while, and the next generation may choose.",
    ),
    _concern(
        "equal|poor|discriminat|fair|minorit|wom[ae]n|race|rich|disadvantage|gender|justice|unjust|oppress",
        ("It has to be fair for everyone.", "I only care that those with the least don't lose."),
        "The same rule should hold for all, and those who start with less should get help to meet it.",
        "We would look every year at who gains and who loses, and correct it if it is always the "
        "same people.",
        "Support should go by need and not by name, background or gender.",
        "Those who have been left out should sit at the table when the details are decided.",
        "Equal chances at the start do more than quotas at the end, so let us pay for that first.",
    ),
    _concern(
        "econom|job|work|trade|business|compan|market|industr|employ|growth|compet|profit|farm|wage",
        ("My job depends on it, so please no hasty steps.", "I'd go along if small firms get time to adapt."),
        "Firms should get three years to adapt, small ones five, and workers who lose their job a "
        "paid training.",
        "Big companies have to go first; small shops and farms may follow when it has proved to work.",
        "Let those firms that do it voluntarily pay less tax, and make it a duty only if too few do.",
        "Workers and owners should work out the details together, branch by branch.",
        "No one should lose a living over it: new jobs in the region come first, the change second.",
    ),
    _concern(
        "crim|police|prison|punish|law|court|illegal|violen|terror|gun|drug|abus|secur|enforce",
        ("It has to be possible to enforce it.", "Serious cases yes, small ones no."),
        "Serious cases should be punished hard, and small ones should end with a warning and a talk.",
        "A court should decide in each case, and everyone should have a good lawyer.",
        "We would rather prevent than punish: more help early on, and firm rules for those who go on.",
        "A law makes sense only if it can be enforced, so it should be short and clear and be tested "
        "in one region.",
        "Those who abuse it lose it; everybody else is left in peace.",
    ),
    _concern(
        "govern|state|politic|democra|vote|corrupt|power|election|leader|nation|countr|citizen|public",
        ("I don't trust politicians with this.", "People should be asked first."),
        "Citizens drawn by lot should work out the details, and everyone should then vote on them.",
        "It should end by itself after five years unless parliament, with the figures before it, "
        "says yes again.",
        "Power should be shared: one body decides, another one checks, and both have to publish "
        "their reasons.",
        "Let the regions decide for themselves and compare after some years how it went.",
        "Every party should sign it, so that it doesn't change with each election.",
    ),
    _concern(
        "war|militar|army|weapon|nuclear|conflict|peace|international|foreign|aid|global|united "
        "nations|troop|refugee|immigra",
        ("Not alone, only together with other countries.", "Talk first, that's my view."),
        "Several countries should do it together, under rules that hold for each of them.",
        "Talks come first, with a date by which they must bring a result.",
        "Help should go straight to the people, and its use should be checked on the spot.",
        "Step by step, each side does something that the other can see, and goes on only if it is answered.",
        "We would take part for a limited time and with a clear aim, and leave when it is reached.",
    ),
)
ANY = _concern(
    "",
    ("I'm not sure. I'd like to see it tried first.", "It depends on how it is done.", "I see both sides."),
    "Let us try it in two places for a year and decide by what we see there.",
    "We would do it in part now, and the rest only if the fears turn out to be wrong.",
    "Those it touches most should help to write the rules and look at them again after two years.",
    "A trial with a fixed end, and a report that anyone can read, would tell us more than another argument.",
    "The main rule should be simple, and the exceptions few, written down and open to all.",
    "First do what both sides ask for anyway, then talk about the rest with the results in hand.",
)


def concern_of(text: str) -> Concern:
    """The concern that a text voices most often; ANY if it voices none."""
    counts = [len(concern.words.findall(text)) for concern in CONCERNS]
    return CONCERNS[counts.index(max(counts))] if any(counts) else ANY
