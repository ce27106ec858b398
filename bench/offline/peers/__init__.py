"""The peers, each a program that answers questions about joins. A question is a JSON object:

- `features`: a list, a file or a pattern of files for each source;
- `entities`, `out`: the files of entity rows and of the training set to write;
- `in_order`: whether the engine may be told that the feature rows lie in the order of their event timestamps;
- `transforms`: whether to compute the three on-demand features, too;
- `memory_limit`: as the engine writes it, or null.
"""
