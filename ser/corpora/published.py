"""CREMA-D, EmoDB, nEMO, SAVEE and TESS: their naming schemes, and what the codes stand for.

Cao H, Cooper DG, Keutmann MK, Gur RC, Nenkova A, Verma R (2014), CREMA-D: Crowd-sourced Emotional Multimodal
Actors Dataset, IEEE Transactions on Affective Computing 5(4).

Burkhardt F, Paeschke A, Rolfes M, Sendlmeier W, Weiss B (2005), A database of German emotional speech,
Interspeech.

Christop I (2024), nEMO: Dataset of Emotional Speech in Polish, LREC-COLING.

Jackson P, Haq S (2014), Surrey Audio-Visual Expressed Emotion (SAVEE) database, University of Surrey.

Pichora-Fuller MK, Dupuis K (2020), Toronto emotional speech set (TESS), Borealis, doi:10.5683/SP2/E8H2MF.
"""

from ser.corpora.named_corpus import NamedCorpus

# From VideoDemographics.csv of CREMA-D's published repository.
# fmt: off
CREMA_D_WOMEN = frozenset({
    1002, 1003, 1004, 1006, 1007, 1008, 1009, 1010, 1012, 1013, 1018, 1020, 1021, 1024, 1025,
    1028, 1029, 1030, 1037, 1043, 1046, 1047, 1049, 1052, 1053, 1054, 1055, 1056, 1058, 1060,
    1061, 1063, 1072, 1073, 1074, 1075, 1076, 1078, 1079, 1082, 1084, 1089, 1091,
})
# fmt: on
CREMA_D_SENTENCES = {
    "DFA": "Don't forget a jacket",
    "IEO": "It's eleven o'clock",
    "IOM": "I'm on my way to the meeting",
    "ITH": "I think I have a doctor's appointment",
    "ITS": "I think I've seen this before",
    "IWL": "I would like a new alarm clock",
    "IWW": "I wonder what this is about",
    "MTI": "Maybe tomorrow it will be cold",
    "TAI": "The airplane is almost full",
    "TIE": "That is exactly what happened",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}
CREMA_D_LEVELS = {
    "LO": "low",
    "MD": "medium",
    "HI": "high",
    "XX": None,  # unspecified
    "X": None,  # so in 1040_ITH_SAD_X.wav, a slip of the publisher
}
CREMA_D = NamedCorpus(
    name="crema-d",
    title="CREMA-D",
    num_published_clips=7442,
    pattern=r"(?P<speaker>\d{4})_(?P<sentence>[A-Z]+)_(?P<emotion>[A-Z]+)_(?P<level>[A-Z]+)",
    example="1001_DFA_ANG_XX",
    codes={
        "speaker": [str(actor) for actor in range(1001, 1092)],
        "sentence": CREMA_D_SENTENCES,
        "level": CREMA_D_LEVELS,
    },
    columns=lambda fields: {
        "gender": "female" if int(fields["speaker"]) in CREMA_D_WOMEN else "male",
        "intensity": CREMA_D_LEVELS[fields["level"]],
        "statement": CREMA_D_SENTENCES[fields["sentence"]],
    },
    unusable=(
        "1064_IEO_DIS_MD",  # a minute of all the emotions, one after another
        "1076_MTI_SAD_XX",  # silent
    ),
)

EMODB_GENDERS = dict.fromkeys(("03", "10", "11", "12", "15"), "male") | dict.fromkeys(
    ("08", "09", "13", "14", "16"), "female"
)
EMODB_SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank",
    "a02": "Das will sie am Mittwoch abgeben",
    "a04": "Heute abend könnte ich es ihm sagen",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück",
    "a07": "In sieben Stunden wird es soweit sein",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen",
}
EMODB = NamedCorpus(  # the emotion is the initial of the German word
    name="emodb",
    title="EmoDB",
    num_published_clips=535,
    pattern=r"(?P<speaker>\d\d)(?P<sentence>[a-z]\d\d)(?P<emotion>[A-Z])(?P<take>[a-z])",
    example="03a01Fa",
    codes={"speaker": EMODB_GENDERS, "sentence": EMODB_SENTENCES, "take": "abcdef"},
    columns=lambda fields: {
        "gender": EMODB_GENDERS[fields["speaker"]],
        "statement": EMODB_SENTENCES[fields["sentence"]],
        "repetition": 1 + "abcdef".index(fields["take"]),
    },
)

NEMO_GENDERS = dict.fromkeys(("EB0", "IC0", "KD0", "MK0"), "female") | dict.fromkeys(
    ("KS0", "MP0", "SM0", "TP0", "WR0"), "male"
)
NEMO = NamedCorpus(  # the texts are in data.tsv beside the clips and are not read
    name="nemo",
    title="nEMO",
    num_published_clips=4481,
    pattern=r"(?P<speaker>[A-Z]+\d)_(?P<emotion>[a-z]+)_(?P<sentence>\d+)",
    example="WR0_surprised_64",
    codes={"speaker": NEMO_GENDERS},
    columns=lambda fields: {
        "gender": NEMO_GENDERS[fields["speaker"]],
        "statement": fields["sentence"],
    },
)

SAVEE = NamedCorpus(  # the sentence is numbered within the emotion
    name="savee",
    title="SAVEE",
    num_published_clips=480,
    pattern=r"(?P<speaker>[^_/]+)[_/](?P<emotion>[a-z]+)(?P<sentence>\d\d)",
    example="DC/a01 or DC_a01",
    codes={"speaker": ("DC", "JE", "JK", "KL")},
    columns=lambda fields: {"gender": "male", "statement": fields["emotion"] + fields["sentence"]},
)

TESS_ACTRESSES = {
    "OAF": "tess:OAF",  # older adult female, 64 years
    "OA": "tess:OAF",  # so in OA_bite_neutral.wav, a slip of the publisher
    "YAF": "tess:YAF",  # younger, 26 years
}
TESS = NamedCorpus(
    name="tess",
    title="TESS",
    num_published_clips=2800,
    pattern=r"(?P<speaker>[A-Z]+)_(?P<word>[^_/]+)_(?P<emotion>[a-z]+)",
    example="OAF_back_angry",
    codes={"speaker": TESS_ACTRESSES},
    columns=lambda fields: {
        "actor": TESS_ACTRESSES[fields["speaker"]],
        "gender": "female",
        "statement": f"Say the word {fields['word']}",
    },
)
