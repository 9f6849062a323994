"""The words of the corpus: 60,000 that follow Zipf's law, a few in other scripts, and some whose frequency is known.

The most frequent ones are those of English, the rest is made up but can be pronounced, shorter where it is more frequent.
Planted words stand nowhere else, so how often a search has to find them is known.
"""

import random
from collections.abc import Iterator
from functools import cache
from itertools import chain


def listed(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


WORDS = 60_000
FUNCTION_WORDS = listed("""
the of and to a in is that it for you with be as on are this have or by not from at if can an will which but use your all
when there what we do one how they so more has no their other out then up them would these about some into than like only time
could also its first new been may because any who make where each should now over such after most through way between just
does two was were here need even both well before those while many same must under using since used set without another much
still see being our part why yet every few down own my did back off too very file run want code get data value line work
add call test change start check list page read write case example number type name point result order small large end long
right left open close next last once again always never often perhaps instead within during against among until however
therefore rather quite almost already simple common general possible different important second third three four five hundred
user error function server table query string class object key request return model system memory text input output
help know think look find show take give keep let try put mean say ask turn move follow begin seem leave bring hold stand
day week month year hour minute morning evening people place world house water light paper question answer reason problem idea
""")

ONSETS = listed("b br c ch cl cr d dr f fl fr g gl gr h j k l m n p ph pl pr qu r s sc sh sl sn sp st str t th tr v w z")
NUCLEI = listed("a e i o u a e i o ai ea ee ie oa ou")
CODAS = ["", "", "", "", *listed("l m n r s t ck nd ng nt rd rk rm rn st x")]

# How many messages a planted word is in: a share of all that have text, everybody's alike.
COMMON = ("orvennal", "thessaly")
FIVE_PERCENT = ("tandrelic", "wolverdine", "pemmicano", "garrisole")
ONE_PERCENT = ("mossworth", "belcanthe", "drumgarvo", "fennimark", "halvorine", "quessander")
PER_MILLE = ("veltharine", "zubrowka", "ottermole", "cindervane", "lapwingle", "mirrenford", "squalline", "jarrowby")
# Found by their common start, together in 1 % of the messages.
PREFIX = "kelvan"
PREFIXED = ("kelvanter", "kelvantide", "kelvanture", "kelvanos", "kelvanry")
# Made of words that are frequent by themselves, the second of which follows the first only here.
PHRASES = (f"{COMMON[0]} {COMMON[1]}", f"{COMMON[1]} {FIVE_PERCENT[0]}", f"{FIVE_PERCENT[1]} {FIVE_PERCENT[2]}")
# Frequent words that never stand beside each other in this order.
ABSENT_PHRASES = (f"{COMMON[1]} {COMMON[0]}", f"{FIVE_PERCENT[0]} {FIVE_PERCENT[3]}")
# What people who write programs look for.
IDENTIFIERS = (
    "parseZephyrHeader",
    "load_sorrel_rows",
    "/srv/bramling/app.yaml",
    "ops@quarrymen.example",
    "https://docs.example.org/umberstone",
    "Nimbus++",
)
# In exactly 5 messages of each of the two people whose searches are measured.
RARE = ("quillonbrass", "ysolderwick", "aquavember", "ptarmigrove")
RARE_MESSAGES = 5
ABSENT = ("xylophantom", "vuvuzelary", "zwieselhorn")
# A share of the messages in Chinese, Japanese and Korean.
CJK = {"量子纠缠": 0.10, "潮汐": 0.20, "東京の灯台": 0.10, "양자역학": 0.10}

SHARES: dict[str, float] = {
    **dict.fromkeys(COMMON, 0.30),
    **dict.fromkeys(FIVE_PERCENT, 0.05),
    **dict.fromkeys(ONE_PERCENT, 0.01),
    **dict.fromkeys(PER_MILLE, 0.001),
    **dict.fromkeys(PREFIXED, 0.002),
    **dict.fromkeys(PHRASES, 0.001),
    **dict.fromkeys(IDENTIFIERS, 0.002),
}
PLANTED = frozenset((*SHARES, *RARE, *ABSENT))

# Words of three languages that are written without, or with few, spaces; the frequent ones first.
SCRIPTS = {
    "chinese": listed("""
的 是 在 了 和 我 们 这 个 不 有 可以 如果 数据 一个 使用 需要 问题 函数 文件 查询 系统 时间 方法 结果 索引 代码 用户 程序
例如 因为 所以 但是 首先 然后 最后 请 检查 输入 输出 内存 网络 服务器 错误 测试 变量 数组 字符串 循环 条件 返回 参数 类型
对象 接口 性能 安全 简单 复杂 重要 速度 空间 学习 模型 训练 语言 世界 天空 海洋 河流 城市 历史 音乐 食物 旅行 春天 月亮 朋友
老师 学生 工作 生活 健康
"""),
    "japanese": listed("""
の は に を が と で た し て も です ます この その ある する なる こと データ ファイル 関数 検索 時間 方法 結果 索引
コード 使用 プログラム 例えば ため しかし まず 次に 最後に 確認 入力 出力 メモリ ネットワーク サーバー エラー テスト 変数
配列 文字列 条件 引数 性能 安全 簡単 複雑 重要 速度 学習 モデル 言語 世界 空 海 川 都市 歴史 音楽 料理 旅行 春 月 友達 先生
学生 仕事 生活 健康 電車 駅
"""),
    "korean": listed("""
이 그 는 을 를 에 의 가 수 있습니다 합니다 데이터 파일 함수 검색 시간 방법 결과 색인 코드 사용 프로그램 예를 들어 하지만
먼저 다음 마지막 확인 입력 출력 메모리 네트워크 서버 오류 테스트 변수 배열 문자열 조건 반환 인수 형식 객체 성능 안전 간단한
복잡한 중요한 속도 학습 모델 언어 세계 하늘 바다 강 도시 역사 음악 음식 여행 봄 달 친구 선생님 학생 일 생활 건강
"""),
}


@cache
def make_vocabulary() -> tuple[str, ...]:
    """60,000 different words, the most frequent first; the same every time."""
    rng = random.Random("vocabulary")
    known = set(PLANTED)
    words = []
    for word in chain(FUNCTION_WORDS, made_up(rng)):
        if word in known or word.startswith(PREFIX):
            continue
        known.add(word)
        words.append(word)
        if len(words) == WORDS:
            break
    return tuple(words)


def made_up(rng: random.Random) -> Iterator[str]:
    """Words one can pronounce without an end, with more syllables the later they come."""
    number = 0
    while True:
        shortest = 1 if number < 1_500 else 2
        syllables = shortest + (rng.random() < 0.4) + (number > 20_000 and rng.random() < 0.4)
        word = "".join(rng.choice(ONSETS) + rng.choice(NUCLEI) for _ in range(syllables)) + rng.choice(CODAS)
        if len(word) > 2:
            yield word
            number += 1
