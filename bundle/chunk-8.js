var o={compare:0,logic:2,add:4,image:6,float:7};export{o as a};
