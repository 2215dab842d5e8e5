"""Which scripts the world's languages are written in, as tables.

Codes are BCP 47's: of ISO 639 for languages, of ISO 15924 for scripts. A script's name here is
what the names of its characters in Unicode begin with.
"""

_SCRIPTS = (
    "Adlm ADLAM, Aran ARABIC, Arab ARABIC, Armn ARMENIAN, Bali BALINESE, Bamu BAMUM, Bass BASSA "
    "VAH, Batk BATAK, Beng BENGALI, Bopo BOPOMOFO, Bugi BUGINESE, Buhd BUHID, Cakm CHAKMA, Cans "
    "CANADIAN SYLLABICS, Cham CHAM, Cher CHEROKEE, Copt COPTIC, Cyrl CYRILLIC, Cyrs CYRILLIC, "
    "Deva DEVANAGARI, Ethi ETHIOPIC, Geok GEORGIAN, Geor GEORGIAN, Gong GUNJALA GONDI, Gonm "
    "MASARAM GONDI, Gran GRANTHA, Grek GREEK, Gujr GUJARATI, Guru GURMUKHI, Hang HANGUL, Hani "
    "CJK, Hano HANUNOO, Hans CJK, Hebr HEBREW, Hira HIRAGANA, Hmng PAHAWH HMONG, Hmnp NYIAKENG "
    "PUACHUE HMONG, Java JAVANESE, Kali KAYAH LI, Kana KATAKANA, Khmr KHMER, Knda KANNADA, Lana "
    "TAI THAM, Laoo LAO, Latf LATIN, Latg LATIN, Latn LATIN, Lepc LEPCHA, Limb LIMBU, Lisu "
    "LISU, Mand MANDAIC, Medf MEDEFAIDRIN, Mend MENDE KIKAKUI, Mlym MALAYALAM, Mong MONGOLIAN, "
    "Mroo MRO, Mtei MEETEI MAYEK, Mymr MYANMAR, Newa NEWA, Nkoo NKO, Olck OL "
    "CHIKI, Orya ORIYA, Osge OSAGE, Osma OSMANYA, Plrd MIAO, Rjng REJANG, Rohg HANIFI ROHINGYA, "
    "Samr SAMARITAN, Saur SAURASHTRA, Sinh SINHALA, Sora SORA SOMPENG, Sund SUNDANESE, Sylo "
    "SYLOTI NAGRI, Syrc SYRIAC, Syre SYRIAC, Syrj SYRIAC, Syrn SYRIAC, Tagb TAGBANWA, Tale TAI "
    "LE, Talu NEW TAI LUE, Taml TAMIL, Tavt TAI VIET, Telu TELUGU, Tfng TIFINAGH, Tglg TAGALOG, "
    "Thaa THAANA, Thai THAI, Tibt TIBETAN, Tirh TIRHUTA, Tnsa TANGSA, Toto TOTO, Vaii VAI, Vith "
    "VITHKUQI, Wara WARANG CITI, Wcho WANCHO, Yiii YI"
)
SCRIPTS = {code: {name} for code, name in (row.split(" ", 1) for row in _SCRIPTS.split(", "))}
"""Code of a script to its names: living scripts, and those that Unicode has for them."""
SCRIPTS |= {
    "Hant": SCRIPTS["Hani"] | SCRIPTS["Bopo"],
    "Hrkt": SCRIPTS["Hira"] | SCRIPTS["Kana"],
    "Jpan": SCRIPTS["Hani"] | SCRIPTS["Hira"] | SCRIPTS["Kana"],
    "Kore": SCRIPTS["Hang"] | SCRIPTS["Hani"],
}

# Script to the languages that are written in it now; many languages have more than one.
_LANGUAGES = {
    "Adlm": "ff fub fuc fuf",
    "Arab": (
        "acm aeb apc ar ary arz azb bal ber bqi brh ckb fa ff fub fuc fuf glk ha kab khw ks ku "
        "lah lki lrc ms mzn pa pnb prs ps rhg rif sd sdh shi skr tzm ug ur zgh zlm"
    ),
    "Armn": "hy hyw",
    "Bali": "ban",
    "Bamu": "bax",
    "Bass": "bsq",
    "Batk": "bbc btd btm bts btx",
    "Beng": "as bn bpy ctg mni rkt sat syl txo",
    "Bugi": "bug mak",
    "Cakm": "ccp",
    "Cans": "cr crk crl csw cwd ike iu oj ojb ojs",
    "Cham": "cja cjm",
    "Cher": "chr",
    "Copt": "cop",
    "Cyrl": (
        "ab ady alt av az ba be bg bs bua bxr ce chm cjs ckt crh cu cv eve evn gag gld inh itl "
        "kaa kbd kca kjh kk koi kpv krc kum kv ky lbe lez mdf mhr mk mn mns mrj mvf myv nio niv "
        "nog oaa os ru rue sah sel sr tab tg tk tt tyv udm ug uk ulc uz xal ykg yrk"
    ),
    "Deva": (
        "anp awa bgc bho bra brx doi dty gbm gom gon hi hne hoc kfy kok kru ks lif mag mai mr mtr "
        "mup mwr ne new raj sa sat sd taj thl unr wsg xnr xsr"
    ),
    "Ethi": "am byn gez sgw ti tig",
    "Geor": "ka lzz sva xmf",
    "Gong": "gon wsg",
    "Gonm": "gon wsg",
    "Grek": "el grc pnt",
    "Gujr": "gjk gu kfr",
    "Guru": "pa",
    "Hani": "cdo cjy cpx czh gan hak hsn lzh nan wuu yue",
    "Hant": "zh",
    "Hebr": "he jrb lad ydd yi",
    "Hmng": "hmn",
    "Hmnp": "hnj",
    "Java": "jv mad",
    "Jpan": "ja ryu",
    "Kali": "eky kyu",
    "Kana": "ain",
    "Khmr": "khm km kxm",
    "Knda": "kn tcy",
    "Kore": "jje ko",
    "Lana": "kkh nod",
    "Laoo": "lo",
    "Latn": (
        "aa abs ace acf acu ada af agr ajg ak als amc ame ami amr arl arn ast auc ay ayo az azb "
        "ban bar bax bba bbc bbj bci bcl bem ber bfa bi bik bin bjn bm boa br bs bsq btd btm bts "
        "btx buc bug bum bvi ca cab cak cas cat cbi cbr cbs cbt cbu ceb cfm ch chj chk cho chy "
        "cic cja cjk cjm cnh cni cnr co cof cot cpu crh cri crs cs csa csb ctd cy da dag dbr ddn "
        "de dga dip dje dsb duu dyo dyu ee eky en eo es ese et eu ff fi fil fj fkv fo fon fr frp "
        "frr fub fuc fuf fur fuv fvr fy ga gaa gag gd gej gex gjn gkp gl gn gnw gom gsw guc guk "
        "guu gv gyr ha hau haw hif hil hlt hmd hmn hms hni hnj hns ho hr hsb ht hu hus huu hz ia "
        "ibb id idu ie ig ijs ilo io is it jam jbo jii jiv jv kaa kab kbp kbr kde kdh kea kek kg "
        "kha ki kj kk kl kmb koo kqn kqs kr kri krl ktu ku kw kwi kyu la lad lb lg li lia lij "
        "lld lmo ln lns lob lot loz lt ltg lua lue lun luo lus lv mad mak mam man mas maz mcd mcf "
        "men mfe mfq mg mh mi mic min miq mnk mor mos mro ms mt mto mtp mwl mww mxi mxv mzi na "
        "nah nan nap nb nba nds ng nhn niu njo nku nl nn no not nr nrm nso nst nv ny nym nyn nzi "
        "oc oki om orh ote pag pam pap pau pbb pcd pcm pdc pfl pis piu pl pms pmy pon pov ppl pt "
        "qu quc qug quh qul quy qva qvc qvh qvm qvn qwh qxn qxu rar rej rgn rhg rif rm rmn rmy rn "
        "ro rup rw sc scn sco se sey sg sh shi shk shp sid sk sl slr sm sma smj smn sms sn snk "
        "snn so sq sr srn srq srr ss st stq su suk sus sv sw swb szl szy tay tbz tca tdt tem tet "
        "tiv tji tk tl tly tn tna to tob toi toj top tpi tr trn trv ts tsz tum tw ty tzh tzm "
        "tzo udu ug umb ura uz vai ve vec vep vi vls vmw vo vro wa war wo wwa xh xsm yad yao yap "
        "ymm yo yua yuz za zam zdj zea zgh zlm zro ztu zu"
    ),
    "Lepc": "lep",
    "Limb": "lif",
    "Lisu": "lis lpo",
    "Mand": "mid",
    "Mend": "men",
    "Mlym": "ml",
    "Mong": "mn mvf",
    "Mroo": "mro",
    "Mtei": "mni",
    "Mymr": "blk eky kht ksw kyu mnw my pwo shn",
    "Nkoo": "bm dyu emk man mnk nqo",
    "Olck": "sat",
    "Orya": "or ory spv",
    "Osge": "osa",
    "Plrd": "hmd lpo",
    "Rjng": "rej",
    "Rohg": "rhg",
    "Samr": "smp",
    "Saur": "saz",
    "Sinh": "si",
    "Sora": "srb",
    "Sund": "su",
    "Syrc": "aii arc cld syr tru",
    "Tale": "tdd",
    "Talu": "khb",
    "Taml": "saz ta",
    "Tavt": "blt",
    "Telu": "gon srb te wsg",
    "Tfng": "ber kab rif shi tzm zgh",
    "Thaa": "dv",
    "Thai": "nod sou th tts",
    "Tibt": "adx bo dz khg lbj sip xsr",
    "Tnsa": "nst",
    "Toto": "txo",
    "Vaii": "vai",
    "Wara": "hoc",
    "Wcho": "nnp",
    "Yiii": "ii",
}
LANGUAGES: dict[str, set[str]] = {}
"""Code of a language to the names of its scripts."""
for _script, _languages in _LANGUAGES.items():
    for _language in _languages.split():
        LANGUAGES[_language] = LANGUAGES.get(_language, set()) | SCRIPTS[_script]
