package demo

// groupSize is how many products share out their histories among themselves.
const groupSize = 10

// productID leaves the gaps that deleted products leave.
func productID(i int64) int64 { return 1 + i + i/9 + 3*(i/40) }

// historyID leaves gaps, too.
func historyID(i int64) int64 { return 1 + i + i/7 }

// plan is what a product and its histories must agree on.
type plan struct {
	id          int64
	launch      int64 // day, 0 for a product not launched yet
	entered     int64 // when its row was made
	stage       int64 // id, where the product stands now
	stageStart  int64 // day, 0 when nobody noted it
	transitions int64
	first       int64 // id of the stage that the first transition leads to
	step        int64 // seconds between transitions
}

// planner plans products one by one, in order.
type planner struct {
	data   Data
	dice   dice
	next   int64
	quotas [groupSize]int64 // transitions of each product of the group at hand
}

// plan plans the next product.
func (p *planner) plan() plan {
	i := p.next
	p.next++
	if i%groupSize == 0 {
		p.share(i)
	}
	out := plan{id: productID(i), transitions: p.quotas[i%groupSize]}
	p.dice.seed(forPlan, i)
	period := (today - firstEntry) * int64(microsecondsInDay) / p.data.products // rows are entered in id order
	out.entered = firstEntry*int64(microsecondsInDay) + i*period + p.dice.below(period)
	if out.transitions > 0 {
		out.travel(&p.dice)
	} else {
		out.rest(&p.dice)
	}
	return out
}

// share gives each product of the group that begins at start its part of the histories: some get
// none, and most no more than a lifecycle has stages.
func (p *planner) share(start int64) {
	end := min(start+groupSize, p.data.products)
	left := p.data.histories*end/p.data.products - p.data.histories*start/p.data.products
	n := end - start
	p.quotas = [groupSize]int64{}
	p.dice.seed(forQuotas, start)
	turn := p.dice.below(n)
	for k := range n {
		give := min(left, 1+p.dice.below(4))
		p.quotas[(turn+k)%n] = give
		left -= give
	}
	for k := range n {
		give := min(left, max(0, 4-p.quotas[k]))
		p.quotas[k] += give
		left -= give
	}
	for k := range n {
		p.quotas[k] += left / n
		if k < left%n {
			p.quotas[k]++
		}
	}
}

// travel plans a product with transitions. They begin at no stage, or at one from which so many
// steps can be made.
func (p *plan) travel(d *dice) {
	steps := min(p.transitions, int64(len(stages)))
	p.launch = firstLaunch + d.below(today-150-200*steps-firstLaunch)
	p.first = 1
	pauses := p.transitions
	if p.transitions < int64(len(stages)) && !d.oneIn(3) {
		p.first = 2 + d.below(int64(len(stages))-p.transitions)
		pauses++
	}
	p.step = (today - p.launch) * secondsInDay / pauses
	arrival := p.transitions - 1
	if p.transitions > int64(len(stages)) {
		arrival = (3*p.transitions + 3) / 4
	}
	p.stage = p.stageAfter(p.transitions - 1)
	p.stageStart = p.changed(arrival, d) / microsecondsInDay
}

// stageAfter is the stage that the j-th transition leads to. With more transitions than stages, some
// only confirm the stage.
func (p *plan) stageAfter(j int64) int64 {
	if n := int64(len(stages)); p.transitions > n {
		return 1 + j*n/p.transitions
	}
	return p.first + j
}

// stageBefore is the stage that the j-th transition leads from, 0 for none.
func (p *plan) stageBefore(j int64) int64 {
	if j == 0 {
		return p.first - 1
	}
	return p.stageAfter(j - 1)
}

// changed is when the j-th transition was made: in order, in office hours, and until today.
func (p *plan) changed(j int64, d *dice) int64 {
	d.seed(forTransition, p.id<<32+j)
	pause := j
	if p.first > 1 {
		pause++
	}
	second := pause*p.step + d.below(p.step*7/10+1)
	if pause == 0 { // the introduction is the launch
		second = d.below(min(p.step*7/10, secondsInDay) + 1)
	}
	day, second := p.launch+second/secondsInDay, second%secondsInDay
	return day*microsecondsInDay + officeHour(second)*1_000_000 + d.below(1_000_000)
}

// rest plans a product whose transitions nobody kept: its stage goes with its age.
func (p *plan) rest(d *dice) {
	if d.oneIn(25) {
		p.stage = 1
		return
	}
	p.launch = firstLaunch + d.below(lastLaunch+1-firstLaunch)
	age := today - p.launch
	p.stage = min(1+(age+d.below(700))/900, int64(len(stages)))
	p.stageStart = p.launch
	if p.stage > 1 {
		p.stageStart += age/2 + d.below(age/2)
	}
	if d.oneIn(12) {
		p.stageStart = 0
	}
	if d.oneIn(60) {
		p.stage = 0
	}
}
