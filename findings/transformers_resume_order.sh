#!/usr/bin/env bash
# transformers 5.23.0 with accelerate 1.15.0: resuming in the middle of an epoch, with several processes and an own
# batch sampler whose order depends on the epoch (set_epoch), as sentence-transformers and many others have.
#
# Expected by many: the rest of the epoch has the order that it would have had without the interruption.
# Seen: with one process it has. With two, the rest of the second epoch has the order of the first: accelerate wraps
# the sampler twice (once for the processes, once to skip batches), and the trainer tells the epoch to the outer two
# wrappers only. Some questions of that epoch are trained twice and others never, without a word.
# So: set the epoch of the sampler in a callback, in on_epoch_begin.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q "transformers==5.23.0" "accelerate==1.15.0" "torch==2.13.0"
cat > "$folder/train.py" <<'PYTHON'
import sys
import torch
from torch.utils.data import BatchSampler, DataLoader
from transformers import Trainer, TrainingArguments

seen = []
rows = lambda numbers: {"numbers": torch.tensor(numbers)}
class Sampler(BatchSampler):
    def __init__(self):
        super().__init__(range(16), 2, False)
        self.epoch = 0
    def set_epoch(self, epoch):
        self.epoch = epoch
    def __iter__(self):
        order = torch.randperm(16, generator=torch.Generator().manual_seed(self.epoch)).tolist()
        yield from (order[start : start + 2] for start in range(0, 16, 2))
class Own(Trainer):
    def get_train_dataloader(self):
        return self.accelerator.prepare(DataLoader(range(16), batch_sampler=Sampler(), collate_fn=rows))
    def compute_loss(self, model, batch, **more):
        seen.append(batch["numbers"].tolist())
        return model(batch["numbers"].float()[:, None]).mean()
options = dict(num_train_epochs=2, save_steps=1, use_cpu=True, report_to="none", disable_tqdm=True)
args = TrainingArguments(sys.argv[1], learning_rate=0.0, logging_steps=99, **options)
trainer = Own(torch.nn.Linear(1, 1), args, train_dataset=list(range(16)))
trainer.train(resume_from_checkpoint=f"{sys.argv[1]}/checkpoint-{sys.argv[3]}" if len(sys.argv) > 3 else None)
if trainer.args.process_index == 0:
    open(sys.argv[2], "w").write(str(seen))
PYTHON
cd "$folder"
for count in 1 2; do
  run=(venv/bin/python -m torch.distributed.run --standalone "--nproc_per_node=$count" train.py "out$count")
  CUDA_VISIBLE_DEVICES='' "${run[@]}" "whole$count" > log 2>&1 || { cat log; exit 1; }
  # an epoch has 8 batches: 8 steps of one process, 4 of two; two steps into the second epoch
  CUDA_VISIBLE_DEVICES='' "${run[@]}" "rest$count" $((8 / count + 2)) > log 2>&1 || { cat log; exit 1; }
done
venv/bin/python - <<'PYTHON'
for count in (1, 2):
    whole, rest = (eval(open(f"{name}{count}").read()) for name in ("whole", "rest"))
    first, second = whole[2 : len(whole) // 2], whole[len(whole) // 2 + 2 :]
    print(f"{count} process(es): as without the interruption {rest == second}; as in the first epoch {rest == first}")
    assert (rest == second, rest == first) == (count == 1, count == 2), "this has changed"
PYTHON
