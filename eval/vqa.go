package eval

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// ANLS is the average normalised Levenshtein similarity of one question (Biten
// and others 2019), the measure of DocVQA, ST-VQA and InfographicVQA: the best
// over the true answers of 1 minus the distance over the longer length, 0 where
// that is no more than one half. Case and white space do not count. A data
// set's figure is the mean over its questions.
func ANLS(answer string, truths []string) float64 {
	fold := func(s string) []rune { return []rune(strings.Join(strings.Fields(strings.ToLower(s)), " ")) }
	best := 0.0
	said := fold(answer)
	for _, t := range truths {
		truth := fold(t)
		score := 1.0
		if n := max(len(said), len(truth)); n > 0 {
			score -= float64(distance(said, truth)) / float64(n)
		}
		best = max(best, score)
	}
	if best <= 0.5 {
		return 0
	}
	return best
}

// VQAAccuracy is the accuracy of one question that several people answered
// (Antol and others 2015; Goyal and others 2017), the measure of VQAv2, OKVQA
// and TextVQA: over the people, the mean of one third of the others who said
// the same, 1 at most. Answers are normalised as the published evaluation does,
// articles, punctuation and the spelling of numbers, unless all people said the
// same to the letter.
func VQAAccuracy(answer string, people []string) float64 {
	if len(people) == 0 {
		return 0
	}
	trim := func(s string) string {
		return strings.TrimSpace(strings.NewReplacer("\n", " ", "\t", " ").Replace(s))
	}
	said := trim(answer)
	truths := make([]string, len(people))
	same := true
	for i, p := range people {
		truths[i] = trim(p)
		same = same && truths[i] == truths[0]
	}
	if !same {
		said = NormaliseAnswer(said)
		for i := range truths {
			truths[i] = NormaliseAnswer(truths[i])
		}
	}
	agree := 0
	for _, t := range truths {
		if t == said {
			agree++
		}
	}
	sum := 0.0
	for _, t := range truths {
		others := agree
		if t == said {
			others--
		}
		sum += min(1, float64(others)/3)
	}
	return sum / float64(len(truths))
}

// vqaMarks are the signs that NormaliseAnswer takes out or turns into spaces.
var vqaMarks = []string{";", "/", "[", "]", `"`, "{", "}", "(", ")", "=", "+", `\`, "_", "-", ">", "<", "@", "`", ",", "?", "!"}

var vqaNumbers = map[string]string{"none": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
	"six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10"}

// vqaContractions are the contractions whose apostrophes are put back, under
// their spellings without one of them.
var vqaContractions = func() map[string]string {
	out := map[string]string{"somebody'd": "somebodyd"} // as published
	for w := range strings.FieldsSeq(`ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't
		he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am might've mightn't mightn't've must've mustn't needn't not've
		o'clock oughtn't shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've
		someone'll someone's something'd something'd've something'll that's there'd there'd've there're there's they'd they'd've they'll
		they're they've 'twas wasn't we'd've we've weren't what'll what're what's what've when's where'd where's where've who'd who'd've
		who'll who's who've why'll why're why's won't would've wouldn't wouldn't've y'all you'd you'd've you'll you're you've`) {
		first, last := strings.Index(w, "'"), strings.LastIndex(w, "'")
		out[w[:first]+w[first+1:]] = w
		out[w[:last]+w[last+1:]] = w
	}
	return out
}()

var (
	digitComma = regexp.MustCompile(`\d,\d`)
	loneStop   = regexp.MustCompile(`\.(\D|$)`)
)

// NormaliseAnswer is the normal form in which answers of VQA are compared.
func NormaliseAnswer(s string) string {
	out := s
	comma := digitComma.MatchString(s)
	for _, m := range vqaMarks {
		if comma || strings.Contains(s, m+" ") || strings.Contains(s, " "+m) {
			out = strings.ReplaceAll(out, m, "")
		} else {
			out = strings.ReplaceAll(out, m, " ")
		}
	}
	for {
		without := loneStop.ReplaceAllString(out, "$1") // a stop after a stop is seen the next time
		if without == out {
			break
		}
		out = without
	}
	var words []string
	for w := range strings.FieldsSeq(strings.ToLower(out)) {
		if n, ok := vqaNumbers[w]; ok {
			w = n
		}
		if w == "a" || w == "an" || w == "the" {
			continue
		}
		if c, ok := vqaContractions[w]; ok {
			w = c
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}

// RelaxedAccuracy is whether an answer to a question about a chart is right
// (Methani and others 2020; ChartQA, Masry and others 2022): a number may be
// off by 5 % of the true one, everything else must be equal but for case. A
// figure with a percent sign is a hundredth. A true zero allows nothing else.
func RelaxedAccuracy(answer, truth string) bool {
	said, ok := chartNumber(answer)
	want, known := chartNumber(truth)
	if ok && known && want != 0 {
		return math.Abs(said-want)/math.Abs(want) <= 0.05
	}
	return strings.EqualFold(strings.TrimSpace(answer), strings.TrimSpace(truth))
}

func chartNumber(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	percent := strings.HasSuffix(s, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimRight(s, "%")), 64)
	if percent {
		v /= 100
	}
	return v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}
