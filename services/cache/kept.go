package cache

import (
	"cmp"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"lifecycle-sync/repositories/pmo"
)

const (
	keptBytes    = 64 << 20
	keptEntries  = 10_000
	largestShare = 8   // an answer that is larger than this part of the bytes is not kept
	entryBytes   = 256 // about what an entry takes beside its texts
)

// question is what an answer depends on beside the mirror.
type question struct {
	day int // some answers speak of today
	key string
}

// keptAnswer is an answer and the state of the mirror that it was made from.
type keptAnswer struct {
	Answer

	mark pmo.Mark
}

// kept are the answers in memory. When there is no room, those go that nobody has asked for longest.
type kept struct {
	maxBytes int

	mu      sync.Mutex
	answers *simplelru.LRU[question, keptAnswer]
	bytes   int
}

func newKept(maxBytes, maxEntries int) *kept {
	k := &kept{maxBytes: cmp.Or(maxBytes, keptBytes)}
	answers, err := simplelru.NewLRU(cmp.Or(maxEntries, keptEntries), func(q question, a keptAnswer) { k.bytes -= weight(q, a.Answer) })
	if err != nil {
		panic(err) // a size below 1
	}
	k.answers = answers
	return k
}

// get returns the answer made from the state that mark names.
func (k *kept) get(q question, mark pmo.Mark) (Answer, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found, ok := k.answers.Get(q)
	return found.Answer, ok && found.mark == mark
}

// put keeps an answer, in place of the one that was made from another state.
func (k *kept) put(q question, mark pmo.Mark, a Answer) {
	size := weight(q, a)
	if size > k.maxBytes/largestShare {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answers.Remove(q)
	k.answers.Add(q, keptAnswer{a, mark})
	for k.bytes += size; k.bytes > k.maxBytes; {
		k.answers.RemoveOldest()
	}
}

// drop forgets everything.
func (k *kept) drop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answers.Purge()
}

func weight(q question, a Answer) int {
	return len(q.key) + len(a.Body) + len(a.ETag) + len(a.Link) + entryBytes
}
